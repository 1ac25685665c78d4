// Lists the ranges of card numbers in use, by their first six digits, with the issued lengths. The ranges are narrow on
// purpose, because an order number or an EAN that is mistaken for a card is lost. Omitted are Visa with 13 digits (none has
// been issued for decades, and German EANs begin with 4) and Maestro of any length but 16 (ended in 2023).
// https://en.wikipedia.org/wiki/Payment_card_number, read November 2026

export interface Issuer {
  from: number;
  to: number;
  /** Written without a space. */
  plain: readonly number[];
  /** Only in the form 4-4-4-4-3, because 19 digits without separators are more likely an id. */
  grouped?: 19;
}

export const ISSUERS: readonly Issuer[] = [
  // Visa
  { from: 400_000, to: 499_999, plain: [16], grouped: 19 },
  // Mastercard
  { from: 510_000, to: 559_999, plain: [16] },
  { from: 222_100, to: 272_099, plain: [16] },
  // American Express
  { from: 340_000, to: 349_999, plain: [15] },
  { from: 370_000, to: 379_999, plain: [15] },
  // Diners Club
  { from: 300_000, to: 305_999, plain: [14] },
  { from: 309_500, to: 309_599, plain: [14] },
  { from: 360_000, to: 369_999, plain: [14] },
  { from: 380_000, to: 399_999, plain: [14] },
  // JCB
  { from: 352_800, to: 358_999, plain: [16], grouped: 19 },
  // Discover
  { from: 601_100, to: 601_199, plain: [16], grouped: 19 },
  { from: 644_000, to: 659_999, plain: [16], grouped: 19 },
  // UnionPay: debit cards have 19 digits.
  { from: 620_000, to: 629_999, plain: [16, 19], grouped: 19 },
  // Maestro
  { from: 501_800, to: 501_899, plain: [16] },
  { from: 502_000, to: 502_099, plain: [16] },
  { from: 503_800, to: 503_899, plain: [16] },
  { from: 589_300, to: 589_399, plain: [16] },
  { from: 630_400, to: 630_499, plain: [16] },
  { from: 675_900, to: 675_999, plain: [16] },
  { from: 676_100, to: 676_399, plain: [16] },
  // Mir
  { from: 220_000, to: 220_499, plain: [16] },
  // Dankort
  { from: 501_900, to: 501_999, plain: [16] },
  // RuPay
  { from: 606_985, to: 607_984, plain: [16] },
  { from: 608_001, to: 608_500, plain: [16] },
  // Elo and Hipercard
  { from: 506_600, to: 506_799, plain: [16] },
  { from: 509_000, to: 509_999, plain: [16] },
  { from: 606_282, to: 606_282, plain: [16] },
  { from: 636_297, to: 636_368, plain: [16] },
];
