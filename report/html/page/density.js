/*
 * Draws more attempts than there are rows of pixels: each row of pixels stands
 * for a run of attempts, and a pixel's colour is the mix of the phases that
 * they are in at that time, the fainter the fewer of them are open. Packets
 * that were dropped are never mixed away: one is enough to show.
 */

/* Phases of one attempt after the other, in arrays that grow by doubling. */
class Segments {
	constructor(attempts) {
		this.count = 0;
		this.start = new Uint32Array(attempts + 1);
		this.phase = new Uint8Array(1024);
		this.from = new Float64Array(1024);
		this.to = new Float64Array(1024);
	}

	add(phase, from, to) {
		if (this.count === this.phase.length)
			for (const name of ["phase", "from", "to"]) {
				const old = this[name];
				this[name] = new old.constructor(2 * old.length);
				this[name].set(old);
			}
		this.phase[this.count] = phase;
		this.from[this.count] = from;
		this.to[this.count] = to;
		this.count++;
	}

	end(attempt) {
		this.start[attempt + 1] = this.count;
	}
}

class Density {
	constructor(attempts, theme) {
		this.attempts = attempts;
		this.theme = theme;
		this.canvas = document.createElement("canvas");
		this.image = null;
		this.sums = null;
		this.collect();
	}

	/* Phases and lost packets of all attempts in flat arrays: a frame walks them once. */
	collect() {
		const a = this.attempts;
		/* From afar most phases are far less than a pixel: a second, shorter list has those alone that can be seen then. */
		this.coarse = a.report.span / 8000;
		this.near = new Segments(a.count);
		this.far = new Segments(a.count);
		for (let i = 0; i < a.count; i++) {
			let longest = -1;
			let length = -1;
			let n = 0;
			a.phases(i, (which, start, end) => {
				this.near.add(which, start, end);
				if (end - start > length) {
					length = end - start;
					longest = n;
				}
				n++;
			});
			const first = this.near.count - n;
			for (let p = 0; p < n; p++)
				if (p === longest || this.near.to[first + p] - this.near.from[first + p] >= this.coarse)
					this.far.add(this.near.phase[first + p], this.near.from[first + p], this.near.to[first + p]);
			this.near.end(i);
			this.far.end(i);
		}
		const lost = [];
		this.lostStart = new Uint32Array(a.count + 1);
		for (let i = 0; i < a.count; i++) {
			for (let m = a.markStart[i]; m < a.markStart[i + 1]; m++)
				if (a.markCode[m] & MARK_DROPPED)
					lost.push(a.markTime[m]);
			this.lostStart[i + 1] = lost.length;
		}
		this.lost = Float64Array.from(lost);
	}

	/* Works the picture out anew: the rows from top to bottom, one row of CSS pixels after the other. */
	render(rows, box, height) {
		const width = Math.floor(box.width);
		if (width < 1 || height < 1)
			return;
		this.prepare(width, height);
		const pixels = new Uint32Array(this.image.data.buffer);
		const colours = PHASES.map((name) => this.theme.rgb(BAR[name]));
		const [r, g, b] = this.theme.rgb("lost");
		const lost = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
		for (let y = 0; y < height; y++) {
			const first = Math.floor((y * rows.length) / height);
			const end = Math.min(rows.length, Math.max(first + 1, Math.floor(((y + 1) * rows.length) / height)));
			this.add(rows, first, end, box, width, colours);
			this.paint(pixels, y * width, width, end - first, lost);
		}
		this.canvas.getContext("2d").putImageData(this.image, 0, 0);
	}

	/* Puts the picture on the waterfall's canvas, scaled where the screen has finer pixels. */
	draw(ctx, box, top, height) {
		if (this.image === null)
			return;
		ctx.imageSmoothingEnabled = false;
		ctx.drawImage(this.canvas, box.left, top, box.width, height);
	}

	prepare(width, height) {
		if (this.image !== null && this.image.width === width && this.image.height === height)
			return;
		this.canvas.width = width;
		this.canvas.height = height;
		this.image = this.canvas.getContext("2d").createImageData(width, height);
		/* Red, green, blue and how many: differences from pixel to pixel. Integers, so that all comes back to 0. */
		this.sums = [0, 1, 2, 3].map(() => new Int32Array(width + 1));
		this.drops = new Uint16Array(width + 1);
	}

	/* A phase adds its colour where it begins and takes it away where it ends: summed from left to right that is the mix. */
	add(rows, first, end, box, width, colours) {
		const scale = width / (box.to - box.from);
		const [red, green, blue, many] = this.sums;
		const {lost, lostStart, drops} = this;
		const {phase, from, to, start} = 0.5 / scale >= this.coarse ? this.far : this.near;

		for (let at = first; at < end; at++) {
			const i = rows.list[at];
			for (let p = start[i]; p < start[i + 1]; p++) {
				let x0 = Math.floor((from[p] - box.from) * scale);
				let x1 = Math.ceil((to[p] - box.from) * scale);
				if (x1 < 0 || x0 >= width)
					continue;
				if (x0 < 0)
					x0 = 0;
				if (x1 <= x0)
					x1 = x0 + 1;
				if (x1 > width)
					x1 = width;
				const weight = WEIGHT[phase[p]];
				const colour = colours[phase[p]];
				red[x0] += weight * colour[0];
				red[x1] -= weight * colour[0];
				green[x0] += weight * colour[1];
				green[x1] -= weight * colour[1];
				blue[x0] += weight * colour[2];
				blue[x1] -= weight * colour[2];
				many[x0] += weight;
				many[x1] -= weight;
			}
			for (let d = lostStart[i]; d < lostStart[i + 1]; d++) {
				const x = Math.floor((lost[d] - box.from) * scale);
				if (x >= 0 && x < width)
					drops[x] = 1;
			}
		}
	}

	/* Writes one row of pixels and leaves the sums empty for the next. */
	paint(pixels, offset, width, attempts, lost) {
		const [red, green, blue, many] = this.sums;
		const drops = this.drops;
		const strength = (255 * 0.7) / (attempts * WEIGHT[PHASE.serve]);
		let r = 0;
		let g = 0;
		let b = 0;
		let n = 0;
		let pixel = 0;
		for (let x = 0; x < width; x++) {
			if (many[x] !== 0 || red[x] !== 0 || green[x] !== 0 || blue[x] !== 0) {
				r += red[x];
				g += green[x];
				b += blue[x];
				n += many[x];
				const alpha = Math.min(255, 77 + strength * n);
				pixel = n === 0 ? 0 : ((alpha << 24) | ((b / n) << 16) | ((g / n) << 8) | (r / n)) >>> 0;
				red[x] = green[x] = blue[x] = many[x] = 0;
			}
			pixels[offset + x] = drops[x] ? lost : pixel;
			drops[x] = 0;
		}
		red[width] = green[width] = blue[width] = many[width] = 0;
	}
}

/* What only lasts until it is closed counts for little. */
const WEIGHT = PHASES.map((name) => (name === "close" ? 1 : 5));
