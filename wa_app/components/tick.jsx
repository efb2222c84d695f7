// A box that flips under the finger. What the server answers takes its place when it comes; until then, or for
// ANSWER_MS when it says nothing (it refused), the box shows what was asked for.
import { createElement as h, useEffect, useState } from "react";

const ANSWER_MS = 4000;

export function TickBox({ checked, onChange, ...props }) {
  const told = Boolean(checked);
  const [heard, setHeard] = useState(told);
  // What was ticked and not answered yet, oldest first: two quick clicks get two answers, and the first must not show.
  const [asked, setAsked] = useState([]);
  if (told !== heard) {
    setHeard(told);
    setAsked(asked.slice(asked.indexOf(told) + 1));
  }
  useEffect(() => {
    if (!asked.length) return undefined;
    const timer = setTimeout(() => setAsked([]), ANSWER_MS);
    return () => clearTimeout(timer);
  }, [asked]);
  const flip = (event) => {
    const on = event.target.checked;
    setAsked((before) => [...before, on]);
    onChange?.(event);
  };
  return h("input", { ...props, type: "checkbox", checked: asked.length ? asked[asked.length - 1] : told, onChange: flip });
}
