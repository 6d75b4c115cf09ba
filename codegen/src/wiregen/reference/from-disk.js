// Browsers start no worker for a page that was opened from a disk. There the search runs in an
// empty frame of the page instead: same origin, a global scope of its own, the same messages.
if (location.protocol === "file:") {
  window.Worker = class {
    onmessage = null;
    onerror = null;
    #waiting = [];
    #frame = document.createElement("iframe");

    constructor(url) {
      this.#frame.hidden = true;
      document.documentElement.append(this.#frame);
      const inside = this.#frame.contentWindow;
      inside.postMessage = (data) => this.#deliver(this, data);
      const script = inside.document.createElement("script");
      script.src = new URL(url, document.baseURI);
      script.onload = () => {
        const waited = this.#waiting;
        this.#waiting = null;
        waited.forEach((data) => this.postMessage(data));
      };
      script.onerror = (event) => this.onerror?.(event);
      inside.document.head.append(script);
    }

    postMessage(data) {
      if (this.#waiting) this.#waiting.push(data);
      else this.#deliver(this.#frame.contentWindow, data);
    }

    // A message is a copy and comes later, as between threads.
    #deliver(target, message) {
      const data = structuredClone(message);
      setTimeout(() => target?.onmessage?.(new MessageEvent("message", { data })));
    }

    terminate() {
      this.#frame.remove();
    }
  };
}
