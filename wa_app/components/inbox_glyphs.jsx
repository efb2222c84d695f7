// Icons of the inbox's left pane: lucide, as `icon()` draws them on the server's side.
import { createElement as h } from "react";
import AlarmClock from "lucide-react/dist/esm/icons/alarm-clock.mjs";
import Archive from "lucide-react/dist/esm/icons/archive.mjs";
import ArrowUp from "lucide-react/dist/esm/icons/arrow-up.mjs";
import AtSign from "lucide-react/dist/esm/icons/at-sign.mjs";
import Bell from "lucide-react/dist/esm/icons/bell.mjs";
import BellOff from "lucide-react/dist/esm/icons/bell-off.mjs";
import Check from "lucide-react/dist/esm/icons/check.mjs";
import ChevronDown from "lucide-react/dist/esm/icons/chevron-down.mjs";
import ChevronUp from "lucide-react/dist/esm/icons/chevron-up.mjs";
import ChevronsUp from "lucide-react/dist/esm/icons/chevrons-up.mjs";
import CircleCheck from "lucide-react/dist/esm/icons/circle-check.mjs";
import CircleAlert from "lucide-react/dist/esm/icons/circle-alert.mjs";
import ClockAlert from "lucide-react/dist/esm/icons/clock-alert.mjs";
import Ellipsis from "lucide-react/dist/esm/icons/ellipsis.mjs";
import EllipsisVertical from "lucide-react/dist/esm/icons/ellipsis-vertical.mjs";
import FileDown from "lucide-react/dist/esm/icons/file-down.mjs";
import Hand from "lucide-react/dist/esm/icons/hand.mjs";
import ListFilter from "lucide-react/dist/esm/icons/list-filter.mjs";
import Download from "lucide-react/dist/esm/icons/download.mjs";
import Mail from "lucide-react/dist/esm/icons/mail.mjs";
import MailOpen from "lucide-react/dist/esm/icons/mail-open.mjs";
import MessagesSquare from "lucide-react/dist/esm/icons/messages-square.mjs";
import RotateCw from "lucide-react/dist/esm/icons/rotate-cw.mjs";
import Search from "lucide-react/dist/esm/icons/search.mjs";
import Sparkles from "lucide-react/dist/esm/icons/sparkles.mjs";
import SquarePen from "lucide-react/dist/esm/icons/square-pen.mjs";
import Tag from "lucide-react/dist/esm/icons/tag.mjs";
import Timer from "lucide-react/dist/esm/icons/timer.mjs";
import Trash2 from "lucide-react/dist/esm/icons/trash-2.mjs";
import Undo2 from "lucide-react/dist/esm/icons/undo-2.mjs";
import UserRound from "lucide-react/dist/esm/icons/user-round.mjs";
import UserRoundX from "lucide-react/dist/esm/icons/user-round-x.mjs";
import UsersRound from "lucide-react/dist/esm/icons/users-round.mjs";
import X from "lucide-react/dist/esm/icons/x.mjs";

const ICONS = {
  all: MessagesSquare, mine: UserRound, unassigned: UserRoundX, bot: Sparkles, needs_human: Hand, unread: Mail, mentions: AtSign,
  snoozed: AlarmClock, closed: CircleCheck, archived: Archive, up: ArrowUp, bell: Bell, silent: BellOff, check: Check,
  down: ChevronDown, high: ChevronUp, low: ChevronDown, urgent: ChevronsUp, late: ClockAlert, more: Ellipsis, filter: ListFilter,
  read: MailOpen, retry: RotateCw, search: Search, write: SquarePen, tag: Tag, reopen: Undo2, person: UserRound, team: UsersRound, x: X,
  alert: CircleAlert, menu: EllipsisVertical, file: FileDown, download: Download, timer: Timer, trash: Trash2,
};

export function Sign({ name, size = 16, className }) {
  const Shape = ICONS[name];
  return Shape ? h(Shape, { size, strokeWidth: 1.75, className, "aria-hidden": true }) : null;
}

export function IconButton({ name, label, size = 18, className, children, ...rest }) {
  return h("button", { type: "button", className: `icon-btn ${className ?? ""}`, "aria-label": label, title: label, ...rest }, h(Sign, { name, size }), children);
}
