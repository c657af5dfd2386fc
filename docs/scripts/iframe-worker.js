// Search in pages that are opened from disk.
//
// Browsers start no worker for a page whose address begins with file:. The search of the site runs
// in a worker, so here an invisible frame takes its place: the worker's script runs inside of it,
// and messages go to and fro. Zensical's offline plugin would load a script for this from a server,
// unless one with "iframe-worker" in its name is set (zensical.toml, extra.polyfills).
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super()
      this.onmessage = this.onerror = null
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const inside = this.frame.contentWindow
      inside.postMessage = data => setTimeout(() => {
        const event = new MessageEvent("message", { data })
        if (this.onmessage) this.onmessage(event)
        this.dispatchEvent(event)
      })
      this.ready = new Promise((resolve, reject) => {
        const script = inside.document.createElement("script")
        script.src = new URL(address, location)
        script.onload = () => resolve(inside)
        script.onerror = reject
        inside.document.documentElement.append(script)
      })
      this.ready.catch(error => this.onerror && this.onerror(error))
    }

    postMessage(data) {
      this.ready.then(inside => inside.onmessage(new MessageEvent("message", { data })), () => {})
    }

    terminate() {
      this.frame.remove()
    }
  }
}
