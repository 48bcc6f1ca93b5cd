-- Sends each line of BENCH_BODIES once, shared out among the threads; counts what was not a 201.
-- Threads that run out ask for /health instead, and the run is reported as exhausted.
local thread_count = 0
local threads = {}
function setup(thread)
   thread:set("id", thread_count)
   thread_count = thread_count + 1
   table.insert(threads, thread)
end
function init(args)
   refused, sent, exhausted = 0, 0, 0
   bodies = {}
   local n, i = tonumber(os.getenv("BENCH_THREADS")), 0
   for line in io.lines(os.getenv("BENCH_BODIES")) do
      if i % n == id then bodies[#bodies + 1] = line end
      i = i + 1
   end
end
function request()
   sent = sent + 1
   local body = bodies[sent]
   if body == nil then
      exhausted = exhausted + 1
      return wrk.format("GET", "/health")
   end
   return wrk.format("POST", wrk.path, { ["Content-Type"] = "application/json" }, body)
end
function response(status)
   if status ~= 201 and status ~= 200 then refused = refused + 1 end
end
function done(summary, latency, requests)
   local bad, spare = 0, 0
   for _, t in ipairs(threads) do
      bad = bad + t:get("refused")
      spare = spare + t:get("exhausted")
   end
   io.write(string.format(
      "RESULT requests=%d micros=%d refused=%d socket=%d exhausted=%d p50=%d p99=%d\n",
      summary.requests, summary.duration, bad,
      summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
      spare,
      latency:percentile(50), latency:percentile(99)))
end
