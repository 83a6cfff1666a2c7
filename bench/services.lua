-- What wrk asks for, by its environment: METHOD (GET without), TOKEN; a POST creates products of names from A to Z, or
-- has no body where EMPTY is set. Ends with its figures in a line of JSON.
local number = 0
local headers = { ["Content-Type"] = "application/json" }
local token = os.getenv("TOKEN") or ""
if token ~= "" then headers["Authorization"] = "Bearer " .. token end
local method = os.getenv("METHOD") or "GET"
local creates = method == "POST" and not os.getenv("EMPTY")

function request()
  local body
  if creates then
    number = number + 1
    body = string.format('{"name":"%s made %d","price":12.5,"stock":%d,"category":"made","description":"by wrk"}',
      string.char(65 + number % 26), number, number % 100)
  end
  return wrk.format(method, nil, headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"per_s":%.1f,"p50_ms":%.3f,"p99_ms":%.3f,"failed":%d}',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
