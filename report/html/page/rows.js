/*
 * Which attempts the waterfall and the table show, and in which order: sorted,
 * filtered, and those alone that reach into the window of time.
 */

/* Outcomes of attempts that never came to be served: the dearest of all. */
const FAILED = ["refused", "unreachable", "unanswered", "half-open", "aborted", "reset", "zombie"];

/* Added for an attempt that never worked, in halves of what no delay can reach. */
const FAILURE_NS = 2 ** 59;
const TIER = {"zombie": 3, "unanswered": 2, "reset": 2, "refused": 1, "unreachable": 1, "half-open": 1, "aborted": 1, "waiting": 1};

class Rows {
	constructor(attempts, view) {
		this.attempts = attempts;
		this.view = view;
		this.sort = "start";
		this.outcome = -1;
		this.cause = -1;
		this.address = "";
		this.orders = new Map();
		this.mask = null;
		this.matched = attempts.count;
		this.list = new Uint32Array(attempts.count);
		this.length = 0;
		this.failed = attempts.report.names.outcomes.map((name) => FAILED.includes(name));
		this.tier = attempts.report.names.outcomes.map((name) => TIER[name] || 0);
		this.update();
	}

	/* What the attempt cost its client, by the same measure as the text report's worst attempts (report/measure/worst.c). */
	cost(i) {
		const {connect, synack_to_ack: ack, accept_wait: wait} = this.attempts.latency;
		let lost = 0;
		for (const column of [connect, ack, wait])
			if (column[i] > 0)
				lost += column[i];
		return lost + FAILURE_NS * this.tier[this.attempts.outcome[i]];
	}

	/* All attempts in the order of a key, dearest first, ties by start; kept once made. */
	ordered(name) {
		if (!this.orders.has(name)) {
			const a = this.attempts;
			const order = a.order.slice();
			if (name === "start") {
				order.sort((x, y) => a.anchor[x] - a.anchor[y] || x - y);
			} else {
				const key = new Float64Array(a.count);
				for (let i = 0; i < a.count; i++)
					key[i] = name === "cost" ? this.cost(i) : a.latency.accept_wait[i];
				for (let i = 0; i < a.count; i++)
					if (Number.isNaN(key[i]))
						key[i] = -1;
				order.sort((x, y) => key[y] - key[x] || a.anchor[x] - a.anchor[y] || x - y);
			}
			this.orders.set(name, order);
		}
		return this.orders.get(name);
	}

	setFilter({outcome, cause, address}) {
		if (outcome !== undefined)
			this.outcome = outcome;
		if (cause !== undefined)
			this.cause = cause;
		if (address !== undefined)
			this.address = address.trim().toLowerCase();
		this.filter();
		this.update();
	}

	filtered() {
		return this.mask !== null;
	}

	filter() {
		const a = this.attempts;
		if (this.outcome < 0 && this.cause < 0 && this.address === "") {
			this.mask = null;
			this.matched = a.count;
			return;
		}
		this.mask = new Uint8Array(a.count);
		this.matched = 0;
		for (let i = 0; i < a.count; i++) {
			if (this.outcome >= 0 && a.outcome[i] !== this.outcome)
				continue;
			if (this.cause >= 0 && !this.hasCause(i))
				continue;
			if (this.address && !a.clientText(i).includes(this.address) && !a.serverText(i).includes(this.address))
				continue;
			this.mask[i] = 1;
			this.matched++;
		}
	}

	hasCause(i) {
		const a = this.attempts;
		for (let c = a.causeStart[i]; c < a.causeStart[i + 1]; c++)
			if (a.cause[c] === this.cause)
				return true;
		return false;
	}

	/* The rows anew, after a change of the sort, the filter or the window. */
	update() {
		const {anchor, last} = this.attempts;
		const {from, to} = this.view;
		const order = this.ordered(this.sort);
		const mask = this.mask;
		let n = 0;
		for (let at = 0; at < order.length; at++) {
			const i = order[at];
			if (mask !== null && mask[i] === 0)
				continue;
			if (anchor[i] > to || last[i] < from)
				continue;
			this.list[n++] = i;
		}
		this.length = n;
	}

	/* The place of attempt i among the rows, or -1. */
	place(i) {
		for (let at = 0; at < this.length; at++)
			if (this.list[at] === i)
				return at;
		return -1;
	}
}
