/*
 * Light or dark: what the system says, until the button says otherwise. The
 * canvases ask for colours by the names of page.css.
 */

/* What fits on a page, zoomed as page.css says. */
const PAPER_WIDTH = "1040px";

class Theme {
	constructor(button) {
		this.watchers = [];
		this.cache = new Map();
		this.probe = el("span", {hidden: true});
		this.media = matchMedia("(prefers-color-scheme: dark)");
		this.button = button;
		document.body.append(this.probe);
		button.addEventListener("click", () => this.choose(this.dark() ? "light" : "dark"));
		this.media.addEventListener("change", () => this.changed());
		addEventListener("beforeprint", () => this.print(true));
		addEventListener("afterprint", () => this.print(false));
		this.label();
	}

	dark() {
		const chosen = document.documentElement.dataset.theme;
		return chosen ? chosen === "dark" : this.media.matches;
	}

	choose(name) {
		document.documentElement.dataset.theme = name;
		this.changed();
	}

	/* Paper is white, and as wide as it is: the canvases are drawn for it, and for the screen again afterwards. */
	print(begins) {
		document.querySelector("main").style.width = begins ? PAPER_WIDTH : "";
		/* Paper cannot be unfolded. */
		if (begins)
			this.folded = Array.from(document.querySelectorAll("details:not([open])"));
		for (const node of this.folded || [])
			node.open = begins;
		if (begins) {
			this.before = document.documentElement.dataset.theme;
			this.choose("light");
			return;
		}
		if (this.before === undefined)
			delete document.documentElement.dataset.theme;
		else
			document.documentElement.dataset.theme = this.before;
		this.changed();
	}

	label() {
		this.button.textContent = this.dark() ? "Light" : "Dark";
	}

	changed() {
		this.cache.clear();
		this.label();
		for (const fn of this.watchers)
			fn();
	}

	watch(fn) {
		this.watchers.push(fn);
	}

	/* The colour that a name of page.css has now, as rgb() or rgba(). */
	colour(name) {
		if (!this.cache.has(name)) {
			this.probe.style.color = "var(--" + name + ")";
			this.cache.set(name, getComputedStyle(this.probe).color);
		}
		return this.cache.get(name);
	}

	/* The same as [r, g, b]. */
	rgb(name) {
		return this.colour(name).match(/[\d.]+/g).slice(0, 3).map(Number);
	}
}
