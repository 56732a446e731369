-- 95 % reads, 5 % writes of zipf keys at a fixed pace; each thread is one client. Arguments: path up to the
-- key, keys, s, seed, requests per second of this client, "tokens" or "plain".
-- A client with tokens sends with every read the position that its last answer gave.
require("report")
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } lintas_time; int clock_gettime(int, lintas_time *);")
local time = ffi.new("lintas_time")
local clients = 0

local function now() -- CLOCK_MONOTONIC, in seconds
    ffi.C.clock_gettime(1, time)
    return tonumber(time.s) + tonumber(time.ns) / 1e9
end

function setup(thread)
    thread:set("client", clients)
    clients = clients + 1
end

function init(arguments)
    path, keys = arguments[1], tonumber(arguments[2])
    local s = tonumber(arguments[3])
    math.randomseed(tonumber(arguments[4]) + client)
    pace, carries = 1 / tonumber(arguments[5]), arguments[6] == "tokens"
    cumulative = {}
    local sum = 0
    for k = 1, keys do
        sum = sum + k ^ -s
        cumulative[k] = sum
    end
    read_headers, write_headers = {}, { ["Content-Type"] = "application/json", ["Prefer"] = "return=minimal" }
    if not carries then response = nil end -- wrk then does not copy the headers for it
end

local function key() -- the first whose share of the sum is not below the draw
    local wanted, low, high = math.random() * cumulative[keys], 1, keys
    while low < high do
        local middle = math.floor((low + high) / 2)
        if cumulative[middle] < wanted then low = middle + 1 else high = middle end
    end
    return low
end

function delay()
    local at = now()
    next_at = (next_at or at + math.random() * pace) + pace
    if next_at < at - 0.1 then next_at = at end -- too slow for the pace: what was missed is not made up for
    return math.max(0, math.floor((next_at - at) * 1000 + math.random()))
end

function request()
    if math.random() < 0.05 then
        return wrk.format("PATCH", path .. key(), write_headers, '{"n": ' .. math.random(1000000) .. "}")
    end
    return wrk.format("GET", path .. key(), read_headers)
end

function response(_, headers)
    read_headers["Lintas-Position"] = headers["Lintas-Position"] or read_headers["Lintas-Position"]
end
