// Lists the expected outcome of an event, row by row. The rows are written from docs/API_DOCUMENTATION.md#consent, not computed
// by the code under test.
//
// regime | when analytics is denied | ledger: analytics, advertising (+ granted, - denied, ? unknown) | headers: G Sec-GPC,
// D DNT | the client's tools, each with analytics and advertising | outcome | the rule that the row shows

export const DECISIONS = `
in  | drop       | ?? | .  | .                      | drop       | nothing is known
in  | cookieless | ?? | .  | .                      | cookieless | nothing is known
out | drop       | ?? | .  | .                      | accept     | nothing is known
out | cookieless | ?? | .  | .                      | accept     | nothing is known
in  | drop       | ?+ | .  | .                      | drop       | the ledger alone
in  | drop       | ?- | .  | .                      | drop       | the ledger alone
in  | drop       | +? | .  | .                      | restricted | the ledger alone
in  | drop       | ++ | .  | .                      | accept     | the ledger alone
in  | drop       | +- | .  | .                      | restricted | the ledger alone
in  | drop       | -? | .  | .                      | drop       | the ledger alone
in  | drop       | -+ | .  | .                      | drop       | the ledger alone
in  | drop       | -- | .  | .                      | drop       | the ledger alone
out | drop       | ?+ | .  | .                      | accept     | the ledger alone
out | drop       | ?- | .  | .                      | restricted | the ledger alone
out | drop       | +? | .  | .                      | accept     | the ledger alone
out | drop       | ++ | .  | .                      | accept     | the ledger alone
out | drop       | +- | .  | .                      | restricted | the ledger alone
out | drop       | -? | .  | .                      | drop       | the ledger alone
out | drop       | -+ | .  | .                      | drop       | the ledger alone
out | drop       | -- | .  | .                      | drop       | the ledger alone
out | drop       | ?? | G  | .                      | restricted | the ledger under GPC
out | drop       | ?+ | G  | .                      | restricted | the ledger under GPC
out | drop       | ?- | G  | .                      | restricted | the ledger under GPC
out | drop       | +? | G  | .                      | restricted | the ledger under GPC
out | drop       | ++ | G  | .                      | restricted | the ledger under GPC
out | drop       | +- | G  | .                      | restricted | the ledger under GPC
out | drop       | -? | G  | .                      | drop       | the ledger under GPC
out | drop       | -+ | G  | .                      | drop       | the ledger under GPC
out | drop       | -- | G  | .                      | drop       | the ledger under GPC
out | drop       | ?? | D  | .                      | drop       | the ledger under DNT
out | drop       | ?+ | D  | .                      | drop       | the ledger under DNT
out | drop       | ?- | D  | .                      | drop       | the ledger under DNT
out | drop       | +? | D  | .                      | accept     | the ledger under DNT
out | drop       | ++ | D  | .                      | accept     | the ledger under DNT
out | drop       | +- | D  | .                      | restricted | the ledger under DNT
out | drop       | -? | D  | .                      | drop       | the ledger under DNT
out | drop       | -+ | D  | .                      | drop       | the ledger under DNT
out | drop       | -- | D  | .                      | drop       | the ledger under DNT
in  | cookieless | ?+ | GD | .                      | cookieless | the ledger under both headers
out | cookieless | ?? | GD | .                      | cookieless | the ledger under both headers
in  | cookieless | ++ | GD | .                      | restricted | the ledger under both headers
out | cookieless | +? | GD | .                      | restricted | the ledger under both headers
in  | cookieless | -+ | GD | .                      | cookieless | the ledger under both headers
out | cookieless | -? | GD | .                      | cookieless | the ledger under both headers
in  | drop       | ?? | .  | preferences++          | accept     | one tool speaks
in  | drop       | ?? | .  | preferences+-          | restricted | one tool speaks
in  | drop       | ?? | .  | preferences+?          | restricted | one tool speaks
in  | drop       | ?? | .  | preferences--          | drop       | one tool speaks
in  | drop       | ?? | .  | preferences-?          | drop       | one tool speaks
in  | drop       | ?? | .  | preferences?-          | drop       | one tool speaks
in  | drop       | ?? | .  | preferences??          | drop       | one tool speaks
out | drop       | ?? | .  | preferences++          | accept     | one tool speaks
out | drop       | ?? | .  | preferences+-          | restricted | one tool speaks
out | drop       | ?? | .  | preferences+?          | accept     | one tool speaks
out | drop       | ?? | .  | preferences--          | drop       | one tool speaks
out | drop       | ?? | .  | preferences-?          | drop       | one tool speaks
out | drop       | ?? | .  | preferences?-          | restricted | one tool speaks
out | drop       | ?? | .  | preferences??          | accept     | one tool speaks
in  | drop       | ?? | .  | tcf++                  | accept     | one tool speaks
in  | drop       | ?? | .  | tcf+-                  | restricted | one tool speaks
in  | drop       | ?? | .  | tcf+?                  | restricted | one tool speaks
in  | drop       | ?? | .  | tcf--                  | drop       | one tool speaks
in  | drop       | ?? | .  | tcf-?                  | drop       | one tool speaks
in  | drop       | ?? | .  | tcf?-                  | drop       | one tool speaks
in  | drop       | ?? | .  | tcf??                  | drop       | one tool speaks
out | drop       | ?? | .  | tcf++                  | accept     | one tool speaks
out | drop       | ?? | .  | tcf+-                  | restricted | one tool speaks
out | drop       | ?? | .  | tcf+?                  | accept     | one tool speaks
out | drop       | ?? | .  | tcf--                  | drop       | one tool speaks
out | drop       | ?? | .  | tcf-?                  | drop       | one tool speaks
out | drop       | ?? | .  | tcf?-                  | restricted | one tool speaks
out | drop       | ?? | .  | tcf??                  | accept     | one tool speaks
in  | drop       | ?? | .  | gcm++                  | accept     | one tool speaks
in  | drop       | ?? | .  | gcm+-                  | restricted | one tool speaks
in  | drop       | ?? | .  | gcm+?                  | restricted | one tool speaks
in  | drop       | ?? | .  | gcm--                  | drop       | one tool speaks
in  | drop       | ?? | .  | gcm-?                  | drop       | one tool speaks
in  | drop       | ?? | .  | gcm?-                  | drop       | one tool speaks
in  | drop       | ?? | .  | gcm??                  | drop       | one tool speaks
out | drop       | ?? | .  | gcm++                  | accept     | one tool speaks
out | drop       | ?? | .  | gcm+-                  | restricted | one tool speaks
out | drop       | ?? | .  | gcm+?                  | accept     | one tool speaks
out | drop       | ?? | .  | gcm--                  | drop       | one tool speaks
out | drop       | ?? | .  | gcm-?                  | drop       | one tool speaks
out | drop       | ?? | .  | gcm?-                  | restricted | one tool speaks
out | drop       | ?? | .  | gcm??                  | accept     | one tool speaks
in  | drop       | ?? | .  | usp??                  | drop       | an opt-out signal speaks of advertising only
in  | drop       | ?? | .  | usp?-                  | drop       | an opt-out signal speaks of advertising only
out | drop       | ?? | .  | usp??                  | accept     | an opt-out signal speaks of advertising only
out | drop       | ?? | .  | usp?-                  | restricted | an opt-out signal speaks of advertising only
in  | drop       | ?? | .  | gpp??                  | drop       | an opt-out signal speaks of advertising only
in  | drop       | ?? | .  | gpp?-                  | drop       | an opt-out signal speaks of advertising only
out | drop       | ?? | .  | gpp??                  | accept     | an opt-out signal speaks of advertising only
out | drop       | ?? | .  | gpp?-                  | restricted | an opt-out signal speaks of advertising only
out | drop       | -- | .  | tcf++                  | drop       | a tool cannot loosen what the ledger denies
in  | drop       | ++ | .  | tcf++                  | accept     | a tool tightens what the ledger grants
in  | drop       | ?+ | .  | preferences++          | accept     | a tool fills what the ledger leaves open
out | drop       | -- | .  | tcf--                  | drop       | a tool cannot loosen what the ledger denies
in  | drop       | ++ | .  | tcf--                  | drop       | a tool tightens what the ledger grants
in  | drop       | ?+ | .  | preferences--          | drop       | a tool fills what the ledger leaves open
out | drop       | -- | .  | tcf+-                  | drop       | a tool cannot loosen what the ledger denies
in  | drop       | ++ | .  | tcf+-                  | restricted | a tool tightens what the ledger grants
in  | drop       | ?+ | .  | preferences+-          | restricted | a tool fills what the ledger leaves open
out | drop       | -- | .  | tcf-+                  | drop       | a tool cannot loosen what the ledger denies
in  | drop       | ++ | .  | tcf-+                  | drop       | a tool tightens what the ledger grants
in  | drop       | ?+ | .  | preferences-+          | drop       | a tool fills what the ledger leaves open
in  | drop       | ?? | .  | tcf++ gcm++            | accept     | of two tools the stricter
in  | drop       | ?? | .  | tcf++ gcm+-            | restricted | of two tools the stricter
in  | drop       | ?? | .  | tcf++ gcm--            | drop       | of two tools the stricter
in  | drop       | ?? | .  | tcf+- gcm++            | restricted | of two tools the stricter
in  | drop       | ?? | .  | tcf+- gcm+-            | restricted | of two tools the stricter
in  | drop       | ?? | .  | tcf+- gcm--            | drop       | of two tools the stricter
in  | drop       | ?? | .  | tcf-- gcm++            | drop       | of two tools the stricter
in  | drop       | ?? | .  | tcf-- gcm+-            | drop       | of two tools the stricter
in  | drop       | ?? | .  | tcf-- gcm--            | drop       | of two tools the stricter
in  | drop       | ?? | G  | tcf++                  | restricted | GPC outweighs a tool
in  | drop       | ?? | D  | tcf++                  | drop       | DNT outweighs a tool, not the ledger
in  | drop       | +? | D  | tcf++                  | accept     | DNT outweighs a tool, not the ledger
out | cookieless | ?? | .  | gcm++                  | accept     | a denial becomes cookieless where the project chose it
in  | drop       | ?? | G  | tcf+-                  | restricted | GPC outweighs a tool
in  | drop       | ?? | D  | tcf+-                  | drop       | DNT outweighs a tool, not the ledger
in  | drop       | +? | D  | tcf+-                  | restricted | DNT outweighs a tool, not the ledger
out | cookieless | ?? | .  | gcm+-                  | restricted | a denial becomes cookieless where the project chose it
in  | drop       | ?? | G  | tcf--                  | drop       | GPC outweighs a tool
in  | drop       | ?? | D  | tcf--                  | drop       | DNT outweighs a tool, not the ledger
in  | drop       | +? | D  | tcf--                  | drop       | DNT outweighs a tool, not the ledger
out | cookieless | ?? | .  | gcm--                  | cookieless | a denial becomes cookieless where the project chose it
`;
