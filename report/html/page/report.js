/*
 * The report's totals: the members of `--format json` (docs/report.md), as the
 * page uses them. Points in time become nanoseconds after the start of
 * observation, lists of counts get the order of the names.
 */

/* Times have 61 bits and doubles 53: those numbers stay exact as BigInt, in browsers that show a number's text. */
function parseExactly(text) {
	return JSON.parse(text, (key, value, context) =>
		(typeof value === "number" && !Number.isSafeInteger(value) && context && context.source ? BigInt(context.source) : value));
}

function readReport(text) {
	const data = parseExactly(text);
	const {names, summary, source} = data;
	const base = source.start_ns === null ? 0n : BigInt(source.start_ns);
	const since = (time) => (time === null ? null : Number(BigInt(time) - base));
	const inOrder = (counts, list) => list.map((name) => counts[name] || 0);

	return {
		names,
		tool: data.tool,
		kind: source.kind,
		path: source.path || "",
		base_ns: source.start_ns === null ? null : base,
		clock: new Clock(source.start_ns === null ? null : base, data.utc_offset_s),
		cost: {...data.cost, waiting_since: since(data.cost.waiting_since_ns)},
		span: source.end_ns === null ? 0 : Math.max(0, since(source.end_ns)),
		packets: source.packets,
		packets_dropped: source.packets_dropped,
		skipped: source.skipped,
		other_segments: source.other_segments,
		late_events: source.late_events,
		host: data.host,
		recording: data.recording,
		attempts: summary.attempts,
		roles: summary.roles,
		outcomes: inOrder(summary.outcomes, names.outcomes),
		causes: inOrder(summary.causes, names.causes),
		cause_packets: inOrder(summary.cause_packets, names.causes),
		drops_seen: summary.drops_seen,
		drops_unobserved: summary.drops_unobserved,
		passive_opens: summary.passive_opens,
		latency: summary.latency_ns,
		bars: Object.fromEntries(Object.entries(data.latency_histograms).map(([name, bars]) =>
			[name, bars.map((bar) => [bar.from_ns, bar.to_ns, bar.count])])),
		rates: readRates(data.rates, names),
		listeners: data.listeners.map((listener) => readListener(listener, since)),
		filter: data.filter,
		ledger: data.ledger,
		advice: data.advice,
		losses: data.losses,
		overflows: data.overflows,
		notes: data.notes,
	};
}

function readRates(rates, names) {
	const drops = {};
	names.causes.forEach((name, cause) => {
		if (rates.buckets.some((bucket) => bucket.drops[name]))
			drops[cause] = rates.buckets.map((bucket) => bucket.drops[name] || 0);
	});
	return {
		bucket_ns: rates.bucket_ns,
		count: rates.buckets.length,
		syns: rates.buckets.map((bucket) => bucket.syns),
		handshakes: rates.buckets.map((bucket) => bucket.handshakes),
		accepts: rates.buckets.map((bucket) => bucket.accepts),
		drops,
	};
}

function readListener(listener, since) {
	const series = ({merged, points}) => ({merged, t: points.map((point) => since(point[0])), min: points.map((point) => point[1]),
		max: points.map((point) => point[2])});
	const gaps = listener.depth.gaps.map(([start, end]) => [since(start), since(end)]);
	return {
		...listener,
		name: endpointText(listener.address, listener.port, listener.interface ? "%" + (listener.device || listener.interface) : ""),
		episodes: listener.full_episodes.map((episode) => [since(episode.start_ns), since(episode.end_ns)]),
		gaps,
		sampled: cutGaps(series(listener.depth.sampled), gaps),
		rebuilt: cutGaps(series(listener.depth.rebuilt), listener.depth.rebuilt_in_gaps ? [] : gaps),
		half_open: cutGaps(series(listener.depth.half_open), gaps),
	};
}

/* device: "%eth0" of one that is bound to it, as ss(8) has it. */
function endpointText(address, port, device = "") {
	return (address.includes(":") ? "[" + address + "]" : address) + device + ":" + port;
}
