// The line that the next text answers. It stands in the field from the click on: who answers before the server has
// said so, on a slow line or with quick fingers, answers that line all the same.
import { useEffect, useLayoutEffect, useState } from "react";

const ASKED = "sapa:quote";
const idOf = (line) => line?.id ?? "";

export const quoteLine = (line) => window.dispatchEvent(new CustomEvent(ASKED, { detail: { id: line.id, text: line.text.slice(0, 200) || line.type } }));

// `told` is what the server knows; a wish of this screen goes before it until both are the same.
export function useQuote(chat, told) {
  const [wish, setWish] = useState(undefined);
  useLayoutEffect(() => setWish(undefined), [chat]);
  useEffect(() => { if (wish !== undefined && idOf(wish) === idOf(told)) setWish(undefined); }, [wish, told?.id]);
  useEffect(() => {
    const hear = (event) => setWish(event.detail);
    window.addEventListener(ASKED, hear);
    return () => window.removeEventListener(ASKED, hear);
  }, []);
  return [wish === undefined ? told : wish, setWish];
}
