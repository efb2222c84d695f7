// The ground of a talk: it follows what is being written, unless the reader has scrolled up to look at something.
import { createElement as h, useEffect, useRef } from "react";

const NEAR = 260;

export function Follow({ children, className, label }) {
  const ground = useRef(null);
  useEffect(() => {
    const el = ground.current;
    const down = () => { if (el.scrollHeight - el.scrollTop - el.clientHeight < NEAR) el.scrollTop = el.scrollHeight; };
    const watcher = new MutationObserver(down);
    watcher.observe(el, { childList: true, subtree: true, characterData: true });
    el.scrollTop = el.scrollHeight;
    return () => watcher.disconnect();
  }, []);
  return h("div", { ref: ground, className, role: "log", "aria-label": label, tabIndex: 0 }, children);
}
