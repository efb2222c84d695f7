// The file beside a text: on its way up, or there already.
import { createElement as h, useRef, useState } from "react";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";
import { postFile, refusal } from "$/public/external/wa_app/components/uploader/file_post.js";

// Name, share, and the id once it is there.
export function useFile(t) {
  const [file, setFile] = useState(null);
  const request = useRef(null);
  const drop = () => { request.current?.abort(); request.current = null; if (file?.local) URL.revokeObjectURL(file.preview); setFile(null); };
  const take = (given) => {
    if (!given) return;
    drop();
    const name = given.name || t("inbox.type.image");
    const error = refusal(given, [], "", 0, t);
    if (error) { setFile({ name, error }); return; }
    const local = given.type.startsWith("image/");
    setFile({ name, size: given.size, share: 0, local, preview: local ? URL.createObjectURL(given) : "" });
    const more = (change) => setFile((was) => (was && request.current === mine ? { ...was, ...change } : was));
    const mine = postFile("/api/v1/files?for=message", given, t, {
      onShare: (share) => more({ share }), onDone: (saved) => more({ id: saved.id, share: 100 }), onFailed: (words) => more({ error: words }),
    });
    request.current = mine;
  };
  return [file, take, drop, setFile];
}

export function FileRow({ file, t, onDrop }) {
  return h("div", { className: "attach-row" },
    file.preview ? h("img", { src: file.preview, alt: "" }) : h("span", { className: "tile neutral" }, h(Glyph, { name: "document" })),
    h("span", { className: "stack grow" }, h("span", { className: "strong clip" }, file.name),
      file.error ? h("span", { className: "small text-bad", role: "alert" }, file.error) : h("span", { className: "small muted", role: "status" }, file.id ? t.size(file.size) : t("upload.sending", { percent: file.share })),
      !file.id && !file.error && h("div", { className: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": file.share, "aria-label": file.name }, h("i", { style: { width: `${file.share}%` } }))),
    h("button", { type: "button", className: "icon-btn", onClick: onDrop, "aria-label": t("inbox.unattach") }, h(Glyph, { name: "x" })));
}
