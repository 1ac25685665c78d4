/** The reader's locale for Intl, or English where the browser names one that Intl refuses (a POSIX locale in a container). */
export const locale: string | undefined = isUsable() ? undefined : "en";

function isUsable(): boolean {
  try {
    new Intl.NumberFormat(undefined);
    return true;
  } catch {
    return false;
  }
}
