-- x2gobroker's plain front end: a person chooses a session. Arguments: the number of people.
package.path = package.path .. ";" .. debug.getinfo(1, "S").source:match("@(.*/)") .. "?.lua"
require("report")

local requests, at = {}, 0

function init(args)
    for n = 1, tonumber(args[1]) do
        requests[n] = wrk.format("POST", "/plain/inifile", { ["Content-Type"] = "application/x-www-form-urlencoded" },
            "task=selectsession&user=p" .. n .. "&sid=desktop-" .. n)
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end
