-- Ended places (Note [Ended places] in queueing/ended_places.py): functions for the libraries of the
-- lock server that record them or look them up; this file goes in front of theirs.
--
-- Key    fr:l:{<performance>}:ended:<user>
-- Value  "<ended_ms> <state_code>"                      state_code: L left, F finished

-- Return the state code of how the place that began at `joined_ms` ended, or '' where no end of it is known.
local function how_place_ended(key, joined_ms)
  local ended_ms, state_code = string.match(server.call('GET', key) or '', '^(%d+) (%a)$')
  if ended_ms and joined_ms <= tonumber(ended_ms) then return state_code end
  return ''
end

-- Keep the latest end: one that arrives late must not revive a place that ended since.
local function record_place_ended(key, ended_ms, state_code, keep_ms)
  local known_ms = string.match(server.call('GET', key) or '', '^(%d+)')
  if known_ms and tonumber(known_ms) > ended_ms then return end
  server.call('SET', key, string.format('%.0f %s', ended_ms, state_code), 'PX', string.format('%.0f', keep_ms))
end
