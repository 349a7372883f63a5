-- wrk: one request for each appointment, each once, until the time is over or the appointments are.
--
-- The plan is a Lua table in the file that BENCH_PLAN names. When the time is over a connection asks for /idle, which
-- nobody answers: so every request that was sent is answered and counted, and rows can be compared with answers.

local ffi = require("ffi")
ffi.cdef [[
    typedef struct { long seconds; long nanoseconds; } bench_time;
    int clock_gettime(int clock, bench_time *time);
]]
local time = ffi.new("bench_time")
local function now()
    ffi.C.clock_gettime(1, time)
    return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local plan = dofile(os.getenv("BENCH_PLAN"))
local head = plan.method .. " /api/appointments/"
local tail = plan.suffix .. " HTTP/1.1\r\nHost: localhost\r\n" .. plan.headers
local rest = "\r\n\r\n" .. plan.body
local idle = "GET /idle HTTP/1.1\r\nHost: localhost\r\n\r\n"

-- wrk asks for a first request by itself, to look at it; that one is not sent.
local looked = false
local deadline
issued = 0
began = 0
ended = 0

function request()
    if looked and not deadline then
        began = now()
        deadline = began + plan.seconds
    end
    if deadline and (issued >= plan.count or now() >= deadline) then
        if ended == 0 then ended = now() end
        return idle
    end
    local k = plan.first + issued % plan.distinct
    if looked then issued = issued + 1 end
    looked = true
    local h = (k * 668265263) % 4294967296
    local id = string.format("%08x-0000-4000-8000-0000%08x", h, h)
    local line = tail
    if plan.key then line = line .. "Idempotency-Key: " .. plan.key .. k .. "\r\n" end
    return head .. id .. line .. "Authorization: Bearer " .. plan.tokens[k % #plan.tokens + 1] .. rest
end

-- Only where the plan wants it: without this function wrk asks again at once.
if plan.pause then
    function delay() return math.random(0, 2 * plan.pause) end
end

local thread
function setup(one)
    thread = one
end

function done(summary, latency)
    io.write(string.format(
        'RESULT {"issued": %d, "answered": %d, "refused": %d, "broken": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f,'
        .. ' "max": %.3f}\n',
        thread:get("issued"), summary.requests, summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
        thread:get("ended") - thread:get("began"), latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        latency.max / 1000))
end
