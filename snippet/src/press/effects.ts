// Answers that no mutation shows: windows, downloads, clipboard, print, sound, dialogs of the
// browser, full screen.

import { all, type Stop } from "../guard";
import { type Hands, type Hook, hear, type View } from "../roots";
import type { ReactionKind, Scope } from "../scope";
import { hrefKind } from "./facts";

const MEDIA =
  "play pause volumechange seeking ratechange enterpictureinpicture leavepictureinpicture".split(
    " ",
  );

/** Own methods whose call is an answer: where, name, kind. */
function table(view: View): [object | undefined, string, ReactionKind][] {
  const win = view as unknown as Record<string, { prototype: object } | undefined>;
  const proto = (name: string) => win[name]?.prototype;
  return [
    [view, "print", "print"],
    [view, "alert", "dialog"],
    [view, "confirm", "dialog"],
    [view, "prompt", "dialog"],
    [view, "showOpenFilePicker", "file"],
    [view, "showSaveFilePicker", "file"],
    [view, "showDirectoryPicker", "file"],
    [proto("Clipboard"), "writeText", "clipboard"],
    [proto("Clipboard"), "write", "clipboard"],
    [proto("Navigator"), "share", "open"],
    [proto("Navigator"), "vibrate", "media"],
    [proto("AudioScheduledSourceNode"), "start", "media"],
    [proto("AudioBufferSourceNode"), "start", "media"],
    [proto("HTMLMediaElement"), "play", "media"],
    [proto("HTMLMediaElement"), "pause", "media"],
    [proto("SpeechSynthesis"), "speak", "media"],
    [proto("HTMLDialogElement"), "showModal", "dialog"],
    [proto("HTMLDialogElement"), "show", "dialog"],
    [proto("HTMLElement"), "showPopover", "dialog"],
    [proto("HTMLSelectElement"), "showPicker", "visual"],
    [proto("PaymentRequest"), "show", "dialog"],
    [proto("Element"), "requestFullscreen", "visual"],
    [proto("Element"), "requestPointerLock", "visual"],
    // The browser asks: for a passkey, the camera, the screen.
    [proto("CredentialsContainer"), "get", "dialog"],
    [proto("CredentialsContainer"), "create", "dialog"],
    [proto("MediaDevices"), "getUserMedia", "dialog"],
    [proto("MediaDevices"), "getDisplayMedia", "dialog"],
  ];
}

export function observeEffects(scope: Scope): Stop {
  const { signals, roots, now } = scope;
  const hook: Hook = (view, hands) => patches(scope, view, hands);
  roots.frames(hook);
  return all([
    hook(window, scope.guard),
    hear(scope, MEDIA, (event) => {
      const media = event.target as HTMLMediaElement;
      if (event.type === "seeking" && media.loop) return; // it begins again of itself
      signals.reaction.send({ kind: "media", t: now(), node: media });
    }),
    hear(scope, ["toggle", "close", "cancel"], (event) => {
      if ((event.target as Element).localName === "input") return; // the file chooser's end
      signals.reaction.send({ kind: "dialog", t: now(), node: event.target as Node });
    }),
  ]);
}

function patches({ signals, now }: Scope, view: View, { listen, patch }: Hands): Stop {
  const tell = (kind: ReactionKind) => signals.reaction.send({ kind, t: now() });

  function pressed(element: unknown): void {
    const { localName, type } = element as HTMLInputElement;
    if (localName === "a") {
      const kind = hrefKind(element as HTMLAnchorElement);
      if (kind === "download") tell("download");
      else if (kind === "new_tab") tell("open");
    } else if (localName === "input" && type === "file") tell("file");
  }

  const opens = (_self: unknown, [, , features]: unknown[]) => {
    // A window that does not know its opener is not handed out; nor is one that was blocked.
    const apart = /no(opener|referrer)/.test(String(features));
    const allowed = view.navigator.userActivation?.isActive !== false;
    return (opened: unknown) => {
      if (opened || (apart && allowed)) tell("open");
    };
  };

  const stops = table(view).map(([owner, name, kind]) =>
    patch(owner, name, () => {
      tell(kind);
    }),
  );
  stops.push(
    patch(view, "open", opens),
    // Which is what open() means in an onclick attribute.
    patch(view.Document.prototype, "open", (self, args) => {
      return args.length > 2 ? opens(self, args) : undefined;
    }),
    patch(view.HTMLInputElement.prototype, "showPicker", (self) => {
      tell((self as HTMLInputElement).type === "file" ? "file" : "visual");
    }),
    // Downloads are often made by pressing a link that is not in the document.
    patch(view.HTMLElement.prototype, "click", (self) => pressed(self)),
    patch(view.HTMLAnchorElement.prototype, "dispatchEvent", (self, [event]) => {
      if ((event as Event | undefined)?.type === "click") pressed(self);
    }),
    patch(view.Document.prototype, "execCommand", (_self, [command]) => {
      if (/^(copy|cut)$/i.test(String(command))) tell("clipboard");
    }),
    listen(view, ["copy", "cut"], () => tell("clipboard")),
    listen(view, "beforeprint", () => tell("print")),
    listen(view.document, ["fullscreenchange", "pointerlockchange"], () => tell("visual")),
  );
  return all(stops);
}
