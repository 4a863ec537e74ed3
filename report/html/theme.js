/*
 * Light or dark: what the system says, until the button says otherwise. The
 * canvases ask for colours by the names of page.css.
 */

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
		/* Paper is white: the canvases are drawn again for it. */
		addEventListener("beforeprint", () => this.changed());
		addEventListener("afterprint", () => this.changed());
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
