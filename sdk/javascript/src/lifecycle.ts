/** Watches the page events that matter to delivery. Outside a browser there are no such events. */

export interface LifecycleListener {
  /** The page is hidden or left. On a phone possibly no code runs after this. May be called several times. */
  onHidden(): void;
  /** The page is visible again, or the network is back. */
  onResumed(): void;
}

export interface Lifecycle {
  /** True from `pagehide` on. After that no timer is reliable. */
  readonly isLeaving: boolean;
  /** Removes all listeners. */
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
