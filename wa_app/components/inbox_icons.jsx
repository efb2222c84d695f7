// Icons of the inbox's browser parts: lucide, as `icon()` draws them on the server's side.
import { createElement as h } from "react";
import AlarmClock from "lucide-react/dist/esm/icons/alarm-clock.mjs";
import Archive from "lucide-react/dist/esm/icons/archive.mjs";
import ArrowDown from "lucide-react/dist/esm/icons/arrow-down.mjs";
import Ban from "lucide-react/dist/esm/icons/ban.mjs";
import BookOpenText from "lucide-react/dist/esm/icons/book-open-text.mjs";
import Braces from "lucide-react/dist/esm/icons/braces.mjs";
import CalendarDays from "lucide-react/dist/esm/icons/calendar-days.mjs";
import Check from "lucide-react/dist/esm/icons/check.mjs";
import CheckCheck from "lucide-react/dist/esm/icons/check-check.mjs";
import ChevronDown from "lucide-react/dist/esm/icons/chevron-down.mjs";
import ChevronLeft from "lucide-react/dist/esm/icons/chevron-left.mjs";
import CircleAlert from "lucide-react/dist/esm/icons/circle-alert.mjs";
import CircleCheck from "lucide-react/dist/esm/icons/circle-check.mjs";
import CirclePause from "lucide-react/dist/esm/icons/circle-pause.mjs";
import CircleQuestion from "lucide-react/dist/esm/icons/circle-question-mark.mjs";
import Clock from "lucide-react/dist/esm/icons/clock.mjs";
import ClockArrow from "lucide-react/dist/esm/icons/clock-arrow-up.mjs";
import ContactRound from "lucide-react/dist/esm/icons/contact-round.mjs";
import CornerDownLeft from "lucide-react/dist/esm/icons/corner-down-left.mjs";
import Download from "lucide-react/dist/esm/icons/download.mjs";
import Ellipsis from "lucide-react/dist/esm/icons/ellipsis.mjs";
import FileText from "lucide-react/dist/esm/icons/file-text.mjs";
import Flag from "lucide-react/dist/esm/icons/flag.mjs";
import Image from "lucide-react/dist/esm/icons/image.mjs";
import ListChecks from "lucide-react/dist/esm/icons/list-checks.mjs";
import Loader from "lucide-react/dist/esm/icons/loader.mjs";
import Lock from "lucide-react/dist/esm/icons/lock.mjs";
import MapPin from "lucide-react/dist/esm/icons/map-pin.mjs";
import Megaphone from "lucide-react/dist/esm/icons/megaphone.mjs";
import Mic from "lucide-react/dist/esm/icons/mic.mjs";
import Minus from "lucide-react/dist/esm/icons/minus.mjs";
import Paperclip from "lucide-react/dist/esm/icons/paperclip.mjs";
import Pencil from "lucide-react/dist/esm/icons/pencil.mjs";
import Plus from "lucide-react/dist/esm/icons/plus.mjs";
import Reply from "lucide-react/dist/esm/icons/reply.mjs";
import RotateCw from "lucide-react/dist/esm/icons/rotate-cw.mjs";
import SendHorizontal from "lucide-react/dist/esm/icons/send-horizontal.mjs";
import Smartphone from "lucide-react/dist/esm/icons/smartphone.mjs";
import Smile from "lucide-react/dist/esm/icons/smile.mjs";
import Sparkles from "lucide-react/dist/esm/icons/sparkles.mjs";
import Tag from "lucide-react/dist/esm/icons/tag.mjs";
import Undo2 from "lucide-react/dist/esm/icons/undo-2.mjs";
import User from "lucide-react/dist/esm/icons/user.mjs";
import UsersRound from "lucide-react/dist/esm/icons/users-round.mjs";
import Video from "lucide-react/dist/esm/icons/video.mjs";
import WholeWord from "lucide-react/dist/esm/icons/whole-word.mjs";
import Workflow from "lucide-react/dist/esm/icons/workflow.mjs";
import X from "lucide-react/dist/esm/icons/x.mjs";
import Zap from "lucide-react/dist/esm/icons/zap.mjs";

const ICONS = {
  down: ArrowDown, ban: Ban, book: BookOpenText, check: Check, checks: CheckCheck, alert: CircleAlert, pause: CirclePause,
  question: CircleQuestion, clock: Clock, contact: ContactRound, enter: CornerDownLeft, download: Download,
  document: FileText, image: Image, loader: Loader, location: MapPin, campaign: Megaphone, audio: Mic, minus: Minus,
  clip: Paperclip, plus: Plus, reply: Reply, send: SendHorizontal, smile: Smile, phone: Smartphone,
  agent: Sparkles, human: User, video: Video, rule: WholeWord, flow: Workflow, x: X, sticker: Smile,
  snooze: AlarmClock, archive: Archive, braces: Braces, calendar: CalendarDays, chevron: ChevronDown, left: ChevronLeft, done: CircleCheck,
  later: ClockArrow, more: Ellipsis, flag: Flag, poll: ListChecks, lock: Lock, edited: Pencil, retry: RotateCw, tag: Tag, undo: Undo2, team: UsersRound, quick: Zap,
};

export function Glyph({ name, size = 16, className }) {
  const Shape = ICONS[name];
  return Shape ? h(Shape, { size, strokeWidth: 1.75, className, "aria-hidden": true }) : null;
}

// Icon, ink and word of a message's state: the same as on every ribbon.
const STATES = {
  read: ["checks", "text-brand-text"], played: ["checks", "text-brand-text"], delivered: ["checks", "text-[var(--st-delivered)]"],
  sent: ["check", ""], sending: ["loader", "text-spark-text"], unknown: ["question", "text-odd"], failed: ["x", "text-bad"],
  held: ["pause", "text-warn"], skipped: ["minus", ""], cancelled: ["ban", ""], planned: ["clock", ""],
};

export function Tick({ state, t }) {
  const [name, ink] = STATES[state] ?? STATES.planned;
  return h("span", { className: `icon ${ink}`, title: t(`status.${state}`) }, h(Glyph, { name, size: 14 }), h("span", { className: "sr" }, t(`status.${state}`)));
}
