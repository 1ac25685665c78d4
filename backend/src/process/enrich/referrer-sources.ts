// Lists hosts that send visitors, with the medium of each. It was curated by hand for this project from the services' own public
// addresses (November 2026). Medium names follow Snowplow's referer-parser (search, social, email → `mail`). A host covers
// its subdomains unless they have their own entry. Order does not matter: the longest match wins.

export type ReferrerMedium = "search" | "social" | "mail";

interface SourceLine {
  source: string;
  medium: ReferrerMedium;
}

/** Services that use one name under any country's domain: google.de, google.co.uk, yandex.com.tr. */
const NAMES: Readonly<Record<ReferrerMedium, Readonly<Record<string, readonly string[]>>>> = {
  search: { Google: ["google"], Yandex: ["yandex"], "Yahoo!": ["yahoo"], Ask: ["ask"] },
  social: { Pinterest: ["pinterest"] },
  mail: {},
};

const HOSTS: Readonly<Record<ReferrerMedium, Readonly<Record<string, readonly string[]>>>> = {
  search: {
    Bing: ["bing.com"],
    DuckDuckGo: ["duckduckgo.com"],
    Baidu: ["baidu.com"],
    Ecosia: ["ecosia.org"],
    Qwant: ["qwant.com"],
    Startpage: ["startpage.com"],
    "Brave Search": ["search.brave.com"],
    Kagi: ["kagi.com"],
    Mojeek: ["mojeek.com"],
    Swisscows: ["swisscows.com"],
    Naver: ["search.naver.com", "naver.com"],
    Daum: ["search.daum.net", "daum.net"],
    Seznam: ["search.seznam.cz", "seznam.cz"],
    Sogou: ["sogou.com"],
    "360 Search": ["so.com"],
    AOL: ["search.aol.com", "aol.com"],
    "Yahoo! Japan": ["search.yahoo.co.jp", "yahoo.co.jp"],
    "Yahoo!": ["search.yahoo.com"],
    "Mail.ru": ["go.mail.ru"],
    Rambler: ["nova.rambler.ru", "rambler.ru"],
    "Cốc Cốc": ["coccoc.com"],
    Yandex: ["ya.ru"],
    Dogpile: ["dogpile.com"],
    MetaGer: ["metager.org", "metager.de"],
    "T-Online": ["suche.t-online.de"],
    "Web.de": ["suche.web.de"],
    "GMX Suche": ["suche.gmx.net"],
    Presearch: ["presearch.com"],
    Lilo: ["search.lilo.org"],
    ChatGPT: ["chatgpt.com", "chat.openai.com"],
    Perplexity: ["perplexity.ai"],
    Gemini: ["gemini.google.com"],
    Copilot: ["copilot.microsoft.com"],
    Claude: ["claude.ai"],
    "Google App": ["com.google.android.googlequicksearchbox"],
  },
  social: {
    Facebook: [
      "facebook.com",
      "fb.com",
      "fb.me",
      "l.facebook.com",
      "lm.facebook.com",
      "m.facebook.com",
      "messenger.com",
    ],
    Instagram: ["instagram.com", "l.instagram.com"],
    Threads: ["threads.net", "threads.com"],
    X: ["x.com", "twitter.com", "t.co"],
    LinkedIn: ["linkedin.com", "lnkd.in"],
    Reddit: ["reddit.com", "redd.it", "out.reddit.com"],
    YouTube: ["youtube.com", "youtu.be"],
    TikTok: ["tiktok.com"],
    Pinterest: ["pin.it"],
    Snapchat: ["snapchat.com"],
    WhatsApp: ["whatsapp.com", "wa.me"],
    Telegram: ["telegram.org", "t.me", "web.telegram.org"],
    Discord: ["discord.com", "discord.gg"],
    Slack: ["slack.com", "app.slack.com"],
    Mastodon: ["mastodon.social", "mastodon.online", "mstdn.social", "fosstodon.org"],
    Bluesky: ["bsky.app", "go.bsky.app"],
    VK: ["vk.com", "vk.ru"],
    Odnoklassniki: ["ok.ru"],
    Weibo: ["weibo.com", "weibo.cn", "t.cn"],
    WeChat: ["wechat.com", "weixin.qq.com"],
    QQ: ["qzone.qq.com"],
    Douban: ["douban.com"],
    Zhihu: ["zhihu.com"],
    Line: ["line.me"],
    KakaoTalk: ["kakao.com"],
    Quora: ["quora.com"],
    Medium: ["medium.com"],
    Tumblr: ["tumblr.com"],
    "Hacker News": ["news.ycombinator.com"],
    "Stack Overflow": ["stackoverflow.com"],
    "Stack Exchange": ["stackexchange.com"],
    GitHub: ["github.com"],
    "Product Hunt": ["producthunt.com"],
    Lobsters: ["lobste.rs"],
    "DEV Community": ["dev.to"],
    Twitch: ["twitch.tv"],
    Vimeo: ["vimeo.com"],
    Flickr: ["flickr.com"],
    Xing: ["xing.com"],
    Nextdoor: ["nextdoor.com"],
    Goodreads: ["goodreads.com"],
    Tripadvisor: ["tripadvisor.com"],
    Yelp: ["yelp.com"],
    Substack: ["substack.com"],
    Linktree: ["linktr.ee"],
    Mixi: ["mixi.jp"],
    Hatena: ["b.hatena.ne.jp"],
  },
  mail: {
    Gmail: ["mail.google.com", "com.google.android.gm"],
    "Outlook.com": ["outlook.live.com", "outlook.office.com", "outlook.office365.com", "mail.live.com"],
    "Yahoo! Mail": ["mail.yahoo.com", "mail.yahoo.net", "mail.yahoo.co.uk", "mail.yahoo.co.jp"],
    "AOL Mail": ["mail.aol.com"],
    "iCloud Mail": ["icloud.com"],
    "Proton Mail": ["mail.proton.me", "mail.protonmail.com"],
    Tuta: ["app.tuta.com", "mail.tutanota.com"],
    Fastmail: ["fastmail.com", "app.fastmail.com"],
    "Zoho Mail": ["mail.zoho.com", "mail.zoho.eu"],
    GMX: ["gmx.net", "gmx.de", "gmx.com", "gmx.at", "gmx.ch"],
    "Web.de Mail": ["web.de", "navigator.web.de"],
    "T-Online Mail": ["email.t-online.de"],
    "Yandex Mail": ["mail.yandex.ru", "mail.yandex.com"],
    "Mail.ru": ["e.mail.ru", "mail.ru"],
    "QQ Mail": ["mail.qq.com"],
    "163 Mail": ["mail.163.com"],
    "126 Mail": ["mail.126.com"],
    "Naver Mail": ["mail.naver.com"],
    "Daum Mail": ["mail.daum.net"],
    "Seznam Email": ["email.seznam.cz"],
    "Orange Mail": ["messagerie.orange.fr"],
    "Comcast Mail": ["mail.comcast.net", "connect.xfinity.com"],
    HEY: ["app.hey.com"],
  },
};

export const SOURCES_BY_HOST: ReadonlyMap<string, SourceLine> = indexed(HOSTS);
export const SOURCES_BY_NAME: ReadonlyMap<string, SourceLine> = indexed(NAMES);

function indexed(
  media: Readonly<Record<ReferrerMedium, Readonly<Record<string, readonly string[]>>>>,
): ReadonlyMap<string, SourceLine> {
  const index = new Map<string, SourceLine>();
  for (const [medium, sources] of Object.entries(media)) {
    for (const [source, hosts] of Object.entries(sources)) {
      for (const host of hosts) index.set(host, { source, medium: medium as ReferrerMedium });
    }
  }
  return index;
}
