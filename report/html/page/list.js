/* The table of the attempts in view: the waterfall in words, a page at a time. */

const PAGE = 25;

/* Joined with commas; no line ends within a name. */
function causeNames(causes) {
	return el("span", null, ...causes.flatMap((cause, at) => [at ? ", " : "", el("span", {class: "name"}, cause.name)]));
}

class List {
	constructor(rows, look) {
		this.rows = rows;
		this.look = look;
		this.page = 0;
		this.host = el("div", {class: "table-wrap"});
		this.status = el("span", {role: "status"});
		this.buttons = [["First", () => 0], ["Previous", () => this.page - 1], ["Next", () => this.page + 1], ["Last", () => this.pages() - 1]]
			.map(([text, to]) => {
				const button = el("button", {type: "button"}, text);
				button.addEventListener("click", () => this.go(to()));
				return button;
			});
		byId("attempts").append(
			el("p", {class: "muted"}, "The attempts of the waterfall, in the same order, with the same filters and time range."),
			el("div", {class: "bar pager", role: "group", "aria-label": "Pages"}, ...this.buttons, this.status), this.host);
		this.draw();
	}

	pages() {
		return Math.max(1, Math.ceil(this.rows.length / PAGE));
	}

	go(page) {
		this.page = Math.min(Math.max(page, 0), this.pages() - 1);
		this.draw();
	}

	draw() {
		const a = this.rows.attempts;
		const first = this.page * PAGE;
		const end = Math.min(this.rows.length, first + PAGE);
		const lines = [];
		for (let at = first; at < end; at++) {
			const i = this.rows.list[at];
			const pin = el("button", {type: "button", "aria-pressed": String(i === this.look.pinned), "data-attempt": a.number[i]}, a.clientText(i));
			pin.addEventListener("click", () => this.look.pin(i));
			const exactly = (name) => ({text: duration(a.latency[name][i]), data: Number.isNaN(a.latency[name][i]) ? null : a.latency[name][i]});
			lines.push({
				attributes: {class: i === this.look.pinned ? "pinned" : null},
				cells: [pin, a.serverText(i), {text: moment(a.anchor[i]), data: a.anchor[i]}, a.report.clock.time(a.anchor[i], 6), a.outcomeName(i),
					count(a.syns[i]), count(a.synacks[i]), exactly("syn_to_synack"), exactly("synack_to_ack"), exactly("connect"),
					exactly("accept_wait"), exactly("accept_to_fork"), a.childPid[i] || a.acceptPid[i] || UNKNOWN,
					causeNames(a.causesOf(i))],
			});
		}
		const number = (title) => ({title, number: true});
		this.host.replaceChildren(table(null, [{title: "Client", address: true}, {title: "Server", address: true}, number("Start"), number("Time of day"), {title: "Outcome"},
			number("SYNs"), number("SYN-ACKs"), number("SYN to SYN-ACK"), number("to final ACK"), number("connect()"), number("wait for accept()"),
			number("to fork()"), number("Process"), {title: "Causes"}], lines, {class: "wide"}));
		this.status.textContent = this.rows.length === 0 ? "No attempt is in view." :
			"Attempts " + count(first + 1) + " to " + count(end) + " of " + count(this.rows.length) + ", page " + count(this.page + 1) + " of " + count(this.pages());
		this.buttons[0].disabled = this.buttons[1].disabled = this.page === 0;
		this.buttons[2].disabled = this.buttons[3].disabled = this.page >= this.pages() - 1;
	}
}
