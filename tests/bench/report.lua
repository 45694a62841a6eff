-- The last line of a run: what load.py reads.
function done(summary, latency)
    local e = summary.errors
    io.write(string.format('{"requests":%d,"duration_us":%d,"errors":%d,"p50_us":%d,"p99_us":%d}\n', summary.requests,
        summary.duration, e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50),
        latency:percentile(99)))
end
