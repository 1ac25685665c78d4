/** The moments of a page that matter to delivery. Outside a browser there are none. */

export interface LifecycleListener {
  /** The page is hidden or left; on a phone nothing may run after this. May be called several times. */
  onHidden(): void;
  /** The page is in front again, or the network is back. */
  onResumed(): void;
}

export interface Lifecycle {
  /** True from `pagehide` on, when no timer can be relied upon. */
  readonly isLeaving: boolean;
  /** Takes all listeners off. */
  stop(): void;
}

export function watchLifecycle(listener: LifecycleListener): Lifecycle {
  if (typeof document === "undefined") return { isLeaving: false, stop() {} };
  let isLeaving = false;
  const stopping = new AbortController();
  const { signal } = stopping;
  const onPageHide = (): void => {
    isLeaving = true;
    listener.onHidden();
  };
  const onPageShow = (): void => {
    if (!isLeaving) return; // the first load, not a return from the back-forward cache
    isLeaving = false;
    listener.onResumed();
  };
  const onVisibilityChange = (): void => {
    if (document.visibilityState === "hidden") listener.onHidden();
    else listener.onResumed();
  };
  window.addEventListener("pagehide", onPageHide, { signal });
  window.addEventListener("pageshow", onPageShow, { signal });
  window.addEventListener("online", () => listener.onResumed(), { signal });
  document.addEventListener("visibilitychange", onVisibilityChange, { signal });
  return {
    get isLeaving() {
      return isLeaving;
    },
    stop: () => stopping.abort(),
  };
}
