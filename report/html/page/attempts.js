/*
 * The attempts, as columns: one typed array a member, one place an attempt.
 * Times are nanoseconds after the start of observation, NaN where not known.
 */

const TIMES = ["syn", "synack", "ack", "entered", "accept", "accept_after", "accept_before", "fork", "first_byte", "reply", "close",
	"exit", "end"];
const LATENCIES = ["syn_to_synack", "synack_to_ack", "connect", "accept_wait", "queue_wait", "accept_to_fork"];
const DEPTH_UNKNOWN = -1;

const MARK_DROPPED = 16;
const MARK_CAUSE = 32;
const MARK_DEPTH = 64;
const MARK_AMONG = 128;

/* Phases of a lane, in the order in which they follow each other. */
const PHASES = ["connect", "handshake", "wait", "bound", "spawn", "serve", "close", "zombie"];
const PHASE = Object.fromEntries(PHASES.map((name, at) => [name, at]));

/*
 * What the latencies most often are, from the times: the column stores the difference, which is 0 then.
 * html_columns.c has the same table.
 */
const LATENCY_FROM = {
	syn_to_synack: (t, i) => t.synack[i] - t.syn[i],
	synack_to_ack: (t, i) => t.ack[i] - t.synack[i],
	connect: (t, i) => t.synack[i] - t.syn[i],
	accept_wait: (t, i) => (Number.isNaN(t.accept[i]) ? t.accept_before[i] : t.accept[i]) - t.ack[i],
	queue_wait: (t, i) => (Number.isNaN(t.accept[i]) ? t.accept_before[i] : t.accept[i]) - t.entered[i],
	accept_to_fork: (t, i) => t.fork[i] - t.accept[i],
};

class Attempts {
	constructor(chunks, report) {
		const total = chunks.reduce((sum, chunk) => sum + chunk.n, 0);
		const marks = chunks.reduce((sum, chunk) => sum + chunk.marks, 0);
		const causes = chunks.reduce((sum, chunk) => sum + chunk.causes, 0);
		const floats = (n) => new Float64Array(n);

		this.report = report;
		this.deferAccept = report.names.causes.indexOf("defer-accept");
		this.count = total;
		this.number = floats(total);
		this.anchor = floats(total);
		this.last = floats(total);
		this.time = Object.fromEntries(TIMES.map((name) => [name, floats(total)]));
		this.latency = Object.fromEntries(LATENCIES.map((name) => [name, floats(total)]));
		this.isn = new Uint32Array(total);
		for (const name of ["client", "server", "acceptPid", "childPid", "listener"])
			this[name] = new Int32Array(total);
		for (const name of ["clientPort", "serverPort"])
			this[name] = new Uint16Array(total);
		for (const name of ["syns", "synacks", "marksLost"])
			this[name] = new Uint32Array(total);
		for (const name of ["outcome", "flags"])
			this[name] = new Uint8Array(total);
		this.causeStart = new Uint32Array(total + 1);
		this.markStart = new Uint32Array(total + 1);
		this.cause = new Uint8Array(causes);
		this.causeConfidence = new Uint8Array(causes);
		this.causePackets = new Uint32Array(causes);
		this.markTime = floats(marks);
		this.markFrame = floats(marks);
		this.markCode = new Uint8Array(marks);
		this.markCause = new Uint8Array(marks);
		this.markConfidence = new Uint8Array(marks);
		this.markDepth = new Int32Array(marks);
		this.markAmong = new Map();
		this.markLimit = new Int32Array(marks);
		this.addresses = [];
		this.addressNumber = new Map();

		let at = 0;
		for (const chunk of chunks)
			at = this.read(chunk, at);
		this.order = new Uint32Array(total).map((_, i) => i);
		this.byNumber = new Map();
		for (let i = 0; i < total; i++)
			this.byNumber.set(this.number[i], i);
	}

	read(chunk, start) {
		const end = start + chunk.n;
		const column = (name) => columnReader(chunk.columns[name]);
		const address = chunk.addresses.map((text) => {
			if (!this.addressNumber.has(text)) {
				this.addressNumber.set(text, this.addresses.length);
				this.addresses.push(text);
			}
			return this.addressNumber.get(text);
		});
		const plain = (name, out, map) => {
			const next = column(name);
			for (let i = start; i < end; i++)
				out[i] = map ? map(next()) : next();
		};
		const summed = (name, out) => {
			const next = column(name);
			let value = 0;
			for (let i = start; i < end; i++)
				out[i] = value += next();
		};

		summed("number", this.number);
		summed("anchor", this.anchor);
		for (const name of TIMES) {
			const out = this.time[name];
			const next = column(name);
			for (let i = start; i < end; i++)
				out[i] = this.anchor[i] + next();
		}
		for (const name of LATENCIES) {
			const out = this.latency[name];
			const from = LATENCY_FROM[name];
			const next = column(name);
			for (let i = start; i < end; i++) {
				const guess = from(this.time, i);
				out[i] = (Number.isNaN(guess) ? 0 : guess) + next();
			}
		}
		plain("client", this.client, (n) => address[n]);
		plain("client_port", this.clientPort);
		plain("server", this.server, (n) => address[n]);
		plain("server_port", this.serverPort);
		plain("isn", this.isn);
		plain("syns", this.syns);
		plain("synacks", this.synacks);
		plain("accept_pid", this.acceptPid, (n) => n || 0);
		plain("child_pid", this.childPid, (n) => n || 0);
		plain("listener", this.listener);
		plain("outcome", this.outcome);
		plain("flags", this.flags);
		plain("marks_lost", this.marksLost);
		this.readCauses(column, start, end);
		this.readMarks(column, start, end);
		for (let i = start; i < end; i++)
			this.last[i] = this.lastTime(i);
		return end;
	}

	readCauses(column, start, end) {
		const size = column("causes");
		const code = column("cause");
		const packets = column("cause_packets");
		let at = this.causeStart[start];

		for (let i = start; i < end; i++) {
			for (let n = size(); n > 0; n--, at++) {
				const value = code();
				this.cause[at] = value >> 2;
				this.causeConfidence[at] = value & 3;
				this.causePackets[at] = packets();
			}
			this.causeStart[i + 1] = at;
		}
	}

	readMarks(column, start, end) {
		const size = column("marks");
		const time = column("mark_time");
		const frame = column("mark_frame");
		const code = column("mark_code");
		const cause = column("mark_cause");
		const depth = column("mark_depth");
		const limit = column("mark_limit");
		const among = column("mark_among");
		const amongDropped = column("mark_among_dropped");
		let at = this.markStart[start];

		for (let i = start; i < end; i++) {
			let t = this.anchor[i];
			for (let n = size(); n > 0; n--, at++) {
				this.markTime[at] = t += time();
				this.markFrame[at] = frame();
				this.markCode[at] = code();
				this.markDepth[at] = DEPTH_UNKNOWN;
				if (this.markCode[at] & MARK_CAUSE) {
					const value = cause();
					this.markCause[at] = value >> 2;
					this.markConfidence[at] = value & 3;
				}
				if (this.markCode[at] & MARK_DEPTH) {
					this.markDepth[at] = depth();
					this.markLimit[at] = limit();
				}
				if (this.markCode[at] & MARK_AMONG)
					this.markAmong.set(at, {packets: among(), dropped: amongDropped()});
			}
			this.markStart[i + 1] = at;
		}
	}

	lastTime(i) {
		let last = this.anchor[i];
		for (const name of TIMES) {
			const t = this.time[name][i];
			if (t > last)
				last = t;
		}
		for (let m = this.markStart[i]; m < this.markStart[i + 1]; m++)
			if (this.markTime[m] > last)
				last = this.markTime[m];
		/* What was under way when observation ended reaches to its end. */
		const name = this.report.names.outcomes[this.outcome[i]];
		if (name === "waiting" || name === "open")
			last = Math.max(last, this.report.span);
		return last;
	}

	clientText(i) {
		return endpointText(this.addresses[this.client[i]], this.clientPort[i]);
	}

	serverText(i) {
		return endpointText(this.addresses[this.server[i]], this.serverPort[i]);
	}

	outcomeName(i) {
		return this.report.names.outcomes[this.outcome[i]];
	}

	causesOf(i) {
		const list = [];
		for (let c = this.causeStart[i]; c < this.causeStart[i + 1]; c++)
			list.push({
				name: this.report.names.causes[this.cause[c]],
				confidence: this.report.names.confidences[this.causeConfidence[c]],
				packets: this.causePackets[c],
			});
		return list;
	}

	drops(i) {
		let n = 0;
		for (let m = this.markStart[i]; m < this.markStart[i + 1]; m++)
			if (this.markCode[m] & MARK_DROPPED)
				n++;
		return n;
	}

	ghost(i) {
		return (this.flags[i] & 1) !== 0;
	}

	evicted(i) {
		return (this.flags[i] & 2) !== 0;
	}

	/* A bare ACK under TCP_DEFER_ACCEPT is ignored on purpose: the handshake goes on until data comes. */
	deferred(i) {
		for (let c = this.causeStart[i]; c < this.causeStart[i + 1]; c++)
			if (this.cause[c] === this.deferAccept)
				return true;
		return false;
	}

	/* Calls each(phase, from, to) for every phase that the attempt reached, in order. */
	phases(i, each) {
		const t = this.time;
		const outcome = this.outcomeName(i);
		const last = this.last[i];
		const start = Number.isNaN(t.syn[i]) ? this.anchor[i] : t.syn[i];
		const synack = t.synack[i];
		const ack = t.ack[i];
		const accept = t.accept[i];
		const before = t.accept_before[i];
		const fork = t.fork[i];
		const reply = t.reply[i];
		const done = Number.isNaN(t.close[i]) ? t.end[i] : t.close[i];

		if (Number.isNaN(synack) && Number.isNaN(ack)) {
			each(PHASE.connect, start, last);
			return;
		}
		if (synack > start)
			each(PHASE.connect, start, synack);
		if (Number.isNaN(ack)) {
			each(PHASE.handshake, synack, last);
			return;
		}
		if (ack > synack)
			each(PHASE.handshake, synack, ack);
		if (outcome === "zombie") {
			each(PHASE.zombie, ack, last);
			return;
		}
		const queued = t.entered[i] > ack ? t.entered[i] : ack;
		if (queued > ack)
			each(this.deferred(i) ? PHASE.handshake : PHASE.zombie, ack, queued);
		if (Number.isNaN(accept) && Number.isNaN(before)) {
			each(outcome === "waiting" ? PHASE.wait : PHASE.close, queued, last);
			return;
		}
		let at = accept;
		if (!Number.isNaN(accept)) {
			if (accept > queued)
				each(PHASE.wait, queued, accept);
		} else {
			const after = Number.isNaN(t.accept_after[i]) ? queued : Math.max(queued, t.accept_after[i]);
			if (after > queued)
				each(PHASE.wait, queued, after);
			if (before > after)
				each(PHASE.bound, after, before);
			at = before;
		}
		if (fork > at) {
			each(PHASE.spawn, at, fork);
			at = fork;
		}
		const served = Number.isNaN(reply) ? (Number.isNaN(done) ? last : done) : reply;
		if (served > at) {
			each(PHASE.serve, at, served);
			at = served;
		}
		if (last > at)
			each(PHASE.close, at, last);
	}

	/* The attempt that "127.0.0.1:4242" or "17" names: its index, or -1. Of several of one client, the first. */
	find(text) {
		if (/^\d+$/.test(text) && this.byNumber.has(Number(text)))
			return this.byNumber.get(Number(text));
		for (let i = 0; i < this.count; i++)
			if (this.clientText(i) === text)
				return i;
		return -1;
	}

	/* What names it in a link: the client when no other attempt has the same, else the number. */
	linkName(i) {
		const text = this.clientText(i);
		for (let other = 0; other < this.count; other++)
			if (other !== i && this.clientPort[other] === this.clientPort[i] && this.client[other] === this.client[i])
				return String(this.number[i]);
		return text;
	}
}
