/** Draws each product in a few flat shapes. The picture adds no information to the name beside it. */
import type { ComponentChildren } from "preact";

export function ProductArt({ id }: { id: string }) {
  return (
    <svg class="art" data-product={id} viewBox="0 0 200 200" aria-hidden="true" focusable="false">
      <rect class="art-wall" width="200" height="200" />
      <ellipse class="art-shadow" cx="100" cy="164" rx="58" ry="7" />
      {DRAWINGS[id]}
    </svg>
  );
}

const DRAWINGS: Record<string, ComponentChildren> = {
  "stoneware-mug": (
    <>
      <path d="M136 92h10a20 20 0 0 1 0 46h-14" fill="none" stroke="#6f8468" stroke-width="9" />
      <path d="M62 76h76v64a24 24 0 0 1-24 24H86a24 24 0 0 1-24-24z" fill="#8fa487" />
      <path d="M62 76h76v22q-19 10-38 2t-38 4z" fill="#f3ede0" />
      <ellipse cx="100" cy="76" rx="38" ry="8" fill="#5f4738" />
      <path d="M84 56q-7-8 0-16t0-14M104 58q-7-8 0-16t0-14" fill="none" stroke="#fff" stroke-width="3.5" opacity=".7" />
    </>
  ),
  "brass-lamp": (
    <>
      <path d="M74 48h52l22 56H52z" fill="#f6e3b4" />
      <path d="M74 48h52l8 20H66z" fill="#fbf1d6" />
      <path d="M97 104h6v50h-6z" fill="#b98a3a" />
      <ellipse cx="100" cy="158" rx="32" ry="8" fill="#b98a3a" />
      <path d="M68 158a32 8 0 0 1 64 0q-32-12-64 0z" fill="#d9ae62" />
      <path d="M128 104v26" stroke="#b98a3a" stroke-width="2" />
      <circle cx="128" cy="132" r="3" fill="#b98a3a" />
    </>
  ),
  "potted-monstera": (
    <>
      <path d="M100 124V78M100 116q-20-14-30-34M100 112q18-14 32-36" fill="none" stroke="#3f6b4a" stroke-width="4" />
      <path d="M100 92C80 82 82 48 100 34c18 14 20 48 0 58z" fill="#4f8a5f" />
      <path d="M70 90C46 92 36 70 42 52c20 0 38 16 28 38z" fill="#5f9b6c" />
      <path d="M132 84c24 2 34-18 28-36-20 0-38 14-28 36z" fill="#3f7850" />
      <path d="M100 44v40M48 58l18 24M154 54l-18 22" stroke="#2f5b3c" stroke-width="1.6" opacity=".55" />
      <path d="M70 120h60l-7 44H77z" fill="#c9744f" />
      <path d="M66 114h68v12H66z" fill="#db8a64" />
    </>
  ),
  "oak-stool": (
    <>
      <path d="m74 92-12 72M126 92l12 72M100 92v68" stroke="#a9784a" stroke-width="9" stroke-linecap="round" />
      <path d="M68 132h64" stroke="#a9784a" stroke-width="6" />
      <ellipse cx="100" cy="90" rx="52" ry="13" fill="#a9784a" />
      <ellipse cx="100" cy="84" rx="52" ry="13" fill="#d2a472" />
      <path d="M66 84q34-8 68 0M76 90q24-5 48 0" fill="none" stroke="#b98653" stroke-width="1.8" />
    </>
  ),
  "pour-over-kettle": (
    <>
      <path d="M64 96q-26 4-26 34 0 8-8 10" fill="none" stroke="#3a4149" stroke-width="7" stroke-linecap="round" />
      <path d="M76 88h54l12 66a10 10 0 0 1-10 10H74a10 10 0 0 1-10-10z" fill="#4a535d" />
      <path d="M76 88h18l-8 76H74a10 10 0 0 1-10-10z" fill="#5d6772" />
      <ellipse cx="103" cy="86" rx="28" ry="7" fill="#2f353c" />
      <circle cx="103" cy="74" r="6" fill="#b98a3a" />
      <path d="M132 100q34-2 30 26-2 16-20 18" fill="none" stroke="#b98a3a" stroke-width="8" stroke-linecap="round" />
    </>
  ),
  "wall-clock": (
    <>
      <circle cx="100" cy="98" r="56" fill="#d2a472" />
      <circle cx="100" cy="98" r="48" fill="#fbf7ef" />
      <path d="M100 56v6M100 134v6M58 98h6M136 98h6" stroke="#8b8478" stroke-width="3" stroke-linecap="round" />
      <path d="M100 98V68" stroke="#2e2a26" stroke-width="5" stroke-linecap="round" />
      <path d="m100 98 24 14" stroke="#2e2a26" stroke-width="5" stroke-linecap="round" />
      <circle cx="100" cy="98" r="5" fill="#c9744f" />
    </>
  ),
  "linen-throw": (
    <>
      <path d="M48 132q0-12 12-12h80q12 0 12 12v20q0 12-12 12H60q-12 0-12-12z" fill="#b9654f" />
      <path d="M52 104q0-12 12-12h72q12 0 12 12v12q0 12-12 12H64q-12 0-12-12z" fill="#cf8068" />
      <path d="M58 80q0-12 12-12h60q12 0 12 12v8q0 12-12 12H70q-12 0-12-12z" fill="#e3a48d" />
      <path d="M60 142h80M64 110h72M70 84h60" stroke="#fff" stroke-width="2" stroke-dasharray="2 6" opacity=".75" />
      <path d="M66 164v8M82 164v8M98 164v8M114 164v8M130 164v8" stroke="#b9654f" stroke-width="3" />
    </>
  ),
  "cloth-notebook": (
    <>
      <path d="M66 46h66a8 8 0 0 1 8 8v102a8 8 0 0 1-8 8H66z" fill="#f3ede0" />
      <path d="M60 42h68a8 8 0 0 1 8 8v102a8 8 0 0 1-8 8H60z" fill="#3f5d7a" />
      <path d="M60 42h14v118H60z" fill="#314a63" />
      <path d="M88 66h34v22H88z" fill="#f3ede0" />
      <path d="M94 74h22M94 80h14" stroke="#8b8478" stroke-width="2" />
      <path d="M114 160v16l5-5 5 5v-16z" fill="#c9744f" />
    </>
  ),
};
