/* The answer at the top: what happened, in words, with the numbers that it rests on, and what would help. */

function answerFacts(attempts, rows) {
	const report = attempts.report;
	const facts = {total: report.attempts, failed: 0, affected: 0, lostOut: 0, undecided: 0, packets: 0, repeated: 0};

	report.outcomes.forEach((n, at) => {
		if (rows.failed[at])
			facts.failed += n;
	});
	report.cause_packets.forEach((n, at) => {
		if (report.names.drops[at])
			facts.packets += n;
	});
	for (let i = 0; i < attempts.count; i++) {
		let hit = false;
		for (let c = attempts.causeStart[i]; c < attempts.causeStart[i + 1]; c++)
			hit = hit || report.names.drops[attempts.cause[c]];

		if (attempts.syns[i] > 1 && !rows.failed[attempts.outcome[i]])
			facts.repeated++;
		if (hit) {
			facts.affected++;
			if (rows.failed[attempts.outcome[i]])
				facts.lostOut++;
			else if (["waiting", "open"].includes(report.names.outcomes[attempts.outcome[i]]))
				facts.undecided++;
		}

	}
	return facts;
}


function verdict(report, facts) {
	const n = plural(facts.total, "connection attempt");
	if (facts.total === 0)
		return nothingSeen(report);
	if (report.roles.outbound + report.roles.forwarded === facts.total)
		return "No connection attempt to this host was seen: " + elsewhere(report) + ".";
	if (facts.affected > 0) {
		const lost = facts.lostOut === facts.affected ? "none of them got through" :
			facts.lostOut ? count(facts.lostOut) + " of them never got through" :
			facts.undecided ? "none of them had failed by the end" : "all got through in the end";
		const late = facts.undecided ? ", and " + count(facts.undecided) + (facts.undecided === 1 ? " was" : " were") + " not served yet" : "";
		return count(facts.affected) + " of " + n + " lost packets because a queue was full; " + lost + late + ".";
	}
	if (facts.failed > 0)
		return count(facts.failed) + " of " + n + " failed, " + (report.drops_seen === false ? "but none because a queue was full." : dropsElsewhere(report));
	return (facts.total === 1 ? "The only connection attempt" : "All " + n) + " got through" +
		(facts.repeated && report.drops_seen !== false ? ", " + count(facts.repeated) + " of them only after retransmitted SYNs; " : "; ") +
		(report.drops_seen === false ? "the listener's queues dropped nothing." : dropsElsewhere(report));
}

/* Those that meet no listener here. */
function elsewhere(report) {
	const {outbound, forwarded} = report.roles;
	return [forwarded ? plural(forwarded, "attempt") + (forwarded === 1 ? " was" : " were") + " forwarded" : "",
		outbound ? plural(outbound, "attempt") + (outbound === 1 ? " was" : " were") + " of this host itself" : ""].filter(Boolean).join(", ");
}

/* No attempt lost a packet by the verdicts: what that leaves open. */
function dropsElsewhere(report) {
	if (report.drops_seen === null)
		return "whether a queue dropped packets was not observed: " + report.drops_unobserved + ".";
	if (report.filter)
		return "a listener's queue dropped packets of attempts that the filter leaves out, or that no captured packet explains.";
	return "the kernel counted drops of these listeners that no captured packet explains: see the ledger.";
}

/* What was not seen is no proof that nobody came. */
function nothingSeen(report) {
	if (report.filter && report.filter.left_out)
		return "No connection attempt matches the filter.";
	const opens = report.passive_opens > 0 ? "; the kernel counted " + plural(report.passive_opens, "incoming connection") +
		" in this network namespace, on all ports (PassiveOpens)" : "";
	const capture = report.recording && report.recording.sources.capture;

	if (capture && !capture.on)
		return "Connection attempts were not observed: there are no captured packets" + opens + ".";
	return "No connection attempt was seen" + (report.packets > 0 ? " in " + plural(report.packets, "packet") : "") + opens + ".";
}

function sentences(report, facts) {
	const list = [];
	if (report.packets_dropped > 0)
		list.push("The capture lost " + plural(report.packets_dropped, "packet") + " (" + count(report.packets) +
			" were captured): attempts can be missing, and the others incomplete.");
	if (!report.packets && report.recording && !report.recording.sources.capture.on && report.attempts)
		list.push("Only connections that waited for accept() were observed: there are no captured packets.");
	const away = report.roles.outbound + report.roles.forwarded;
	if (away && away < report.attempts)
		list.push("Of these, " + elsewhere(report) + ": they meet no listener here.");
	for (const l of report.listeners.slice().sort((a, b) => b.drops - a.drops).slice(0, 3)) {
		if (l.full_ns > 0 || l.drops > 0)
			list.push("The accept queue of " + l.name + (l.capacity !== null ? " holds " + count(l.capacity) +
				" (limit " + count(l.limit) + ")" : " has an unknown limit") + (l.full_ns > 0 ? " and was full " +
				plural(l.episodes.length + l.full_episodes_lost, "time") + ", " + duration(l.full_ns) + " in total" : "") +
				"; it dropped " + plural(l.drops, "packet") + ".");
	}
	const {hit, again, spared, never, waiting, waiting_since} = report.cost;
	const span = report.outcomes[report.names.outcomes.indexOf("accepted")] ? "from the first SYN to accept()" : "for connect()";
	const needed = (some) => plural(some.count, "client") + " needed " + (some.count === 1 ? duration(some.max) :
		duration(some.p50) + " (median) to " + duration(some.max) + " (max)") + " " + span;
	const others = spared.count === 1 ? "; 1 other needed " + duration(spared.max) :
		spared.count ? "; " + count(spared.count) + " others needed " + duration(spared.p50) + " (median)" : "";
	if (hit.count || never)
		list.push("Cost: " + [hit.count ? needed(hit) : "", never ? plural(never, "attempt") + " never got through" : ""].filter(Boolean).join("; ") +
			others + ".");
	if (again.count)
		list.push(needed(again) + " because " + (again.count === 1 ? "its" : "their") + " SYN was retransmitted" + (hit.count || never ? "" : others) + ".");
	if (waiting)
		list.push(plural(waiting, "connection") + " still waited for accept() at the end" + (waiting_since === null ? "" :
			(waiting === 1 ? ", for " : ", the longest for ") + duration(report.span - waiting_since)) + ".");
	const wait = report.latency.accept_wait;
	if (wait.count)
		list.push(plural(wait.count, "connection") + " waited " + duration(wait.p50) + " (median) to " + duration(wait.max) +
			" (max) for accept() after the final ACK.");
	return list;
}

function tile(value, label, bad, data) {
	return el("li", {class: bad ? "bad" : null}, el("b", {"data-value": data}, value), el("span", null, label));
}

function showAnswer(attempts, rows) {
	const report = attempts.report;
	const facts = answerFacts(attempts, rows);
	const host = byId("answer");
	const outcome = (name) => report.outcomes[report.names.outcomes.indexOf(name)] || 0;
	const through = outcome("accepted") + outcome("established") + outcome("waiting");
	const peak = report.listeners.reduce((best, l) => (l.queue_peak !== null && (best === null || l.queue_peak > best.queue_peak) ? l : best), null);

	host.classList.toggle("bad", report.drops_seen || facts.failed > 0);
	host.classList.toggle("unknown", report.drops_seen === null || facts.total === 0);
	if (report.filter)
		host.append(el("p", {class: "filter"}, el("b", null, "Filter: " + report.filter.text), ": " + count(report.attempts) + " of " +
			plural(report.attempts + report.filter.left_out, "connection attempt") +
			". The summary, the latencies and the attempts are of those; the charts, the listeners, the ledger and the advice are of all."));
	host.append(el("p", {class: "verdict"}, verdict(report, facts)));
	for (const text of sentences(report, facts))
		host.append(el("p", {class: "more"}, text));
	host.append(el("ul", {class: "tiles", "aria-label": "Numbers"},
		tile(count(facts.total), "connection attempts", false, facts.total),
		tile(count(through), outcome("accepted") ? "accepted" + (through > outcome("accepted") ? ", established or waiting" : "") : "established", false, through),
		tile(count(facts.failed), "failed, for any reason", facts.failed > 0, facts.failed),
		report.drops_seen === null ? null : tile(count(facts.packets), "packets dropped by a queue", facts.packets > 0, facts.packets),
		peak ? tile(count(peak.queue_peak) + (peak.capacity !== null ? " of " + count(peak.capacity) : ""), "deepest accept queue",
			peak.capacity !== null && peak.queue_peak >= peak.capacity, peak.queue_peak) : null,
		report.latency.connect.count ? tile(duration(report.latency.connect.p99), "connect() p99", false, report.latency.connect.p99) : null,
		report.latency.accept_wait.count ? tile(duration(report.latency.accept_wait.p99), "wait for accept() p99", false, report.latency.accept_wait.p99) : null));
	if (report.filter && report.advice.length)
		host.append(el("p", {class: "more"}, "The advice rests on all attempts, not on the filtered ones alone:"));
	if (report.advice.length)
		host.append(el("ul", {class: "advice", "aria-label": "Advice"}, ...report.advice.map((advice) =>
			el("li", {"data-rule": advice.rule}, advice.text,
				advice.evidence.length ? el("details", null, el("summary", null, "evidence"),
					el("ul", null, ...advice.evidence.map((line) => el("li", null, line)))) : null))));
}
