-- A new session and its end, again and again: POST /connections, DELETE /connections/{id}. One connection a thread, each
-- thread with people of its own. Arguments: the file of connect.lua, the number of threads.
package.path = package.path .. ";" .. debug.getinfo(1, "S").source:match("@(.*/)") .. "?.lua"
require("report")

local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

local people, at, session = {}, 0, nil

function init(args)
    local n = 0
    for line in io.lines(args[1]) do
        if n % tonumber(args[2]) == number then
            local token, desktop = line:match("(%S+) (%S+)")
            local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
            people[#people + 1] = { headers = headers, open = wrk.format("POST", "/api/v1/connections", headers,
                '{"desktop_id":"' .. desktop .. '"}') }
        end
        n = n + 1
    end
end

function request()
    if session then
        local id = session
        session = nil
        return wrk.format("DELETE", "/api/v1/connections/" .. id, people[at].headers)
    end
    at = at % #people + 1
    return people[at].open
end

function response(status, headers, body)
    session = status == 201 and body:match('"id": ?"([^"]+)"') or nil
end
