-- Ended places (Note [Ended places] in queueing/ended.py). Put in front of the libraries of the lock
-- server that note or look them up.
--
-- Key   fr:l:{<performance>}:ended:<user>
-- Value ended_ms letter                          letter: L left, F finished

-- Return how the place that began at `joined_ms` ended, or '' where no end of it is known.
local function how_place_ended(key, joined_ms)
  local ended_ms, letter = string.match(server.call('GET', key) or '', '^(%d+) (%a)$')
  if ended_ms and joined_ms <= tonumber(ended_ms) then return letter end
  return ''
end

-- Keep the latest end: one that arrives late must not revive a place that ended since.
local function note_place_ended(key, ended_ms, letter, keep_ms)
  local known = string.match(server.call('GET', key) or '', '^(%d+)')
  if known and tonumber(known) > ended_ms then return end
  server.call('SET', key, string.format('%.0f %s', ended_ms, letter), 'PX', string.format('%.0f', keep_ms))
end
