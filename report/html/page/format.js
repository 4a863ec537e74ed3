/* Numbers and times in words for people. Times are nanoseconds after the start of observation. */

const UNKNOWN = "–";

function known(value) {
	return value !== null && value !== undefined && !Number.isNaN(value);
}

function count(n) {
	return known(n) ? n.toLocaleString("en-US") : UNKNOWN;
}

function plural(n, one, many) {
	return count(n) + " " + (n === 1 ? one : many || one + "s");
}

/* "812 ns", "3.62 µs", "1.24 ms", "1.02 s", "2 min 5 s": three digits are enough to compare by. */
function duration(ns) {
	if (!known(ns))
		return UNKNOWN;
	const size = Math.abs(ns);
	const sign = ns < 0 ? "−" : "";
	if (size < 1e3)
		return sign + Math.round(size) + " ns";
	for (const [unit, name] of [[1e3, "µs"], [1e6, "ms"], [1e9, "s"]]) {
		const text = three(size / unit);
		if (Number(text) < 1000 && !(name === "s" && size >= 120e9))
			return sign + text + " " + name;
	}
	const seconds = Math.round(size / 1e9);
	if (seconds < 7200)
		return sign + Math.floor(seconds / 60) + " min " + (seconds % 60) + " s";
	return sign + Math.floor(seconds / 3600) + " h " + Math.floor((seconds % 3600) / 60) + " min";
}

function three(value) {
	return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/* "1.234567 s" with as many digits as tell two pixels apart, when a pixel is worth step ns. */
function offset(ns, step) {
	if (!known(ns))
		return UNKNOWN;
	const digits = Math.max(0, Math.min(9, Math.ceil(9 - Math.log10(Math.max(step || 1, 1)))));
	return (ns / 1e9).toFixed(digits).replace("-", "−") + " s";
}

/* To the microsecond, as the text report has it: "1.024003 s". */
function moment(ns) {
	return known(ns) ? (ns / 1e9).toFixed(6).replace("-", "−") + " s" : UNKNOWN;
}

/*
 * Times of day, to be found in logs: in the time zone in which the report was
 * written, whoever reads it where.
 */
class Clock {
	/* base_ns: a BigInt, when observation began, or null. */
	constructor(base_ns, utc_offset_s) {
		this.base_ns = base_ns;
		this.offset_s = utc_offset_s || 0;
		const minutes = Math.abs(this.offset_s) / 60;
		const two = (n) => String(Math.floor(n)).padStart(2, "0");
		this.zone = this.offset_s === 0 ? "UTC" : "UTC" + (this.offset_s < 0 ? "-" : "+") + two(minutes / 60) + ":" + two(minutes % 60);
	}

	/* "2026-01-31 12:00:04.123456789", or null. */
	text(ns) {
		if (this.base_ns === null || !known(ns))
			return null;
		const at = this.base_ns + BigInt(Math.round(ns)) + BigInt(this.offset_s) * 1000000000n;
		let ms = at / 1000000n;
		let rest = at % 1000000n;
		if (rest < 0n) {
			rest += 1000000n;
			ms -= 1n;
		}
		const date = new Date(Number(ms));
		return Number.isNaN(date.getTime()) ? null : date.toISOString().replace("T", " ").replace("Z", "") + String(rest).padStart(6, "0");
	}

	/* "2026-01-31 12:00:04 UTC": with 0 to 9 decimals. */
	date(ns, digits) {
		const text = this.text(ns);
		return text === null ? UNKNOWN : text.slice(0, 19 + (digits ? digits + 1 : 0)) + " " + this.zone;
	}

	/* "12:00:04.123": the time of day alone. */
	time(ns, digits) {
		const text = this.text(ns);
		return text === null ? "" : text.slice(11, 19 + (digits ? digits + 1 : 0));
	}

	/* With as many digits as tell two pixels apart, when a pixel is worth step ns. */
	near(ns, step) {
		return this.time(ns, Math.max(0, Math.min(9, Math.ceil(9 - Math.log10(Math.max(step || 1, 1))))));
	}
}

function percent(part, whole) {
	if (!whole)
		return UNKNOWN;
	const value = (100 * part) / whole;
	return (value > 0 && value < 0.1 ? "< 0.1" : value < 10 && value % 1 ? value.toFixed(1) : Math.round(value)) + " %";
}
