/*
 * The window of time that every chart shows, the time under the pointer, and
 * the attempt that is looked at. Whoever shows one of them asks to be told;
 * however many changes there were, everybody is told once a frame.
 */

const NARROWEST_NS = 1000;

class View {
	constructor(span) {
		this.span = Math.max(span, NARROWEST_NS);
		this.from = 0;
		this.to = this.span;
		this.watchers = [];
		this.pending = false;
	}

	watch(fn) {
		this.watchers.push(fn);
	}

	changed() {
		if (this.pending)
			return;
		this.pending = true;
		requestAnimationFrame(() => {
			this.pending = false;
			for (const fn of this.watchers)
				fn(this);
		});
	}

	set(from, to) {
		let width = Math.min(Math.max(to - from, NARROWEST_NS), this.span);
		let start = Math.min(Math.max(from, 0), this.span - width);
		if (!Number.isFinite(start) || !Number.isFinite(width))
			return;
		if (width === this.span)
			start = 0;
		if (start === this.from && start + width === this.to)
			return;
		this.from = start;
		this.to = start + width;
		this.changed();
	}

	/* factor < 1 zooms in; the time `around` stays where it is on the screen. */
	zoom(factor, around) {
		const width = this.to - this.from;
		const centre = around === undefined ? this.from + width / 2 : Math.min(Math.max(around, this.from), this.to);
		const share = (centre - this.from) / width;
		const next = Math.min(Math.max(width * factor, NARROWEST_NS), this.span);
		this.set(centre - share * next, centre - share * next + next);
	}

	/* By a share of what is visible: -0.25 is a quarter earlier. */
	pan(share) {
		const by = (this.to - this.from) * share;
		const start = Math.min(Math.max(this.from + by, 0), this.span - (this.to - this.from));
		this.set(start, start + (this.to - this.from));
	}

	reset() {
		this.set(0, this.span);
	}

	whole() {
		return this.from === 0 && this.to === this.span;
	}
}

/*
 * The wheel zooms where it is turned. A page that scrolls under a resting
 * pointer must not fall into a chart: the pointer has to move over it first;
 * and what cannot be zoomed out any further scrolls the page.
 */
class Wheel {
	constructor(view) {
		this.view = view;
		this.armed = false;
		window.addEventListener("scroll", () => (this.armed = false), {passive: true});
	}

	attach(node, timeAt, wanted) {
		node.addEventListener("pointermove", () => (this.armed = true), {passive: true});
		node.addEventListener("wheel", (event) => {
			if (!this.armed || (wanted && !wanted(event)))
				return;
			if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
				event.preventDefault();
				this.view.pan(event.deltaX / 1000);
				return;
			}
			if (event.deltaY === 0 || (event.deltaY > 0 && this.view.whole()))
				return;
			event.preventDefault();
			const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
			this.view.zoom(1.0018 ** Math.max(-400, Math.min(400, event.deltaY * lines)), timeAt(event));
		}, {passive: false});
	}
}
