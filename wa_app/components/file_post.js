// One file on its way to a route of ours: its share, and the reason in words when it is refused.
const cookie = (name) => document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);

function problemText(request, t) {
  try {
    const problem = JSON.parse(request.responseText);
    return problem.detail || problem.title;
  } catch {
    return t("upload.network");
  }
}

// Says in words why a file is not sent at all, or null when it may be.
export function refusal(file, accept, types, limit, t) {
  const ending = `.${file.name.split(".").pop()}`.toLowerCase();
  if (accept.length && !accept.includes(ending)) return t("upload.wrong_type", { name: file.name, types });
  if (file.size === 0) return t("upload.empty_file", { name: file.name });
  if (limit && file.size > limit) return t("upload.too_large", { name: file.name, size: t.size(file.size), limit: t.size(limit) });
  return null;
}

// `onShare(percent)`, `onSent()` once it has left, then either `onDone(answer)` or `onFailed(words)`; `abort()` stops it.
export function postFile(action, file, t, { onShare, onSent, onDone, onFailed }) {
  const request = new XMLHttpRequest();
  const body = new FormData();
  body.append("file", file, file.name || "file");
  request.upload.onprogress = (event) => event.lengthComputable && onShare(Math.round(event.loaded / event.total * 100));
  request.upload.onload = () => onSent?.();
  request.onabort = () => onFailed(t("upload.cancelled"));
  request.onerror = () => onFailed(t("upload.network"));
  request.onload = () => (request.status >= 200 && request.status < 300 ? onDone(JSON.parse(request.responseText)) : onFailed(problemText(request, t)));
  request.open("POST", action);
  // Errors come back in the language of the page.
  request.setRequestHeader("Accept-Language", cookie("sapa_lang") ?? document.documentElement.lang);
  request.send(body);
  return request;
}
