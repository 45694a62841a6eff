-- POST /connections of many people in turn, each to her own desktop. Argument: a file with a line "TOKEN DESKTOP" each.
package.path = package.path .. ";" .. debug.getinfo(1, "S").source:match("@(.*/)") .. "?.lua"
require("report")

local requests, at = {}, 0

function init(args)
    for line in io.lines(args[1]) do
        local token, desktop = line:match("(%S+) (%S+)")
        requests[#requests + 1] = wrk.format("POST", "/api/v1/connections",
            { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" },
            '{"desktop_id":"' .. desktop .. '"}')
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end
