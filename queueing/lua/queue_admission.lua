-- Who waits in a room, who is inside, and who is admitted when. Every function brings the room up to
-- `now_ms` first, so nobody depends on a ticking job; work per call is bounded by BATCH, and the next call
-- does what is left over.

local BATCH = 256              -- places that one call changes by itself
local BURST_MS = 2000          -- missed time is repaid up to this much of the rate
local PACE_WINDOW_MS = 5000
local WATCH_MS = 60000         -- exits older than about this no longer tell how fast places free
local SAVE_MS = 10             -- a clock that moved less need not be written down

local function expire_places(room)
  local users = server.call('ZRANGE', room.active_key, '-inf', whole(room.now), 'BYSCORE', 'LIMIT', 0, BATCH)
  for _, user in ipairs(users) do
    local record = read_place(room, user)
    if record then
      end_place_as(room, user, record, EXPIRED)
    else
      server.call('ZREM', room.active_key, user)
    end
  end
end

-- Measure the rate of admission really seen: an average over windows in which somebody waited; an
-- empty room says nothing about how fast it would move.
local function measure_pace(room)
  local elapsed = room.now - room.window
  if elapsed < PACE_WINDOW_MS then return end
  if room.window > 0 and count_waiting(room) > 0 then
    local floor = math.min(room.rate, room.capacity * 1000 / room.session)  -- sessions do end
    room.pace = math.max(floor, 0.5 * room.pace + 0.5 * room.window_admitted * 1000 / elapsed)
  else
    room.pace = room.rate
  end
  room.window, room.window_admitted = room.now, 0
end

-- Note [Waiting times] in README.md: how many have left a full room early lately (`exits`), and in
-- how many ms of watching it (`watched`); both fade.
local function fade_exits(room)
  local elapsed = room.now - room.loaded.now
  if room.full ~= 1 or elapsed <= 0 then return end
  local fade = math.exp(-elapsed / WATCH_MS)
  room.exits = room.exits * fade
  room.watched = room.watched * fade + WATCH_MS * (1 - fade)
end

-- Return in how many ms the session ends that is the `rank`-th to end, from 0. Fans who join together stand
-- one behind the other, and ask for one session after the other: as many as `room.fans_left` are read at once.
local function session_ends_in(room, rank)
  write_active(room)
  local ends = room.ends
  if not ends then
    ends = {lapsed = server.call('ZCARD', room.active_key) - room.live}  -- which no sweep has met
    room.ends = ends
  end
  if ends[rank] then return ends[rank] end
  local first, now, grace = ends.lapsed + rank, room.now, room.grace
  local last = first + math.max(1, math.min(room.fans_left, room.live - rank)) - 1
  local sessions = server.call('ZRANGE', room.active_key, first, last, 'WITHSCORES')
  for i = 1, #sessions, 2 do
    local left = sessions[i + 1] - now
    -- A fan who has been called and not yet come counts with a whole session. One who has longer than the grace
    -- has come (but for a grace that staff have shortened since), so that most places need not be read.
    if left <= grace and is_called(room, sessions[i]) then left = room.session end
    ends[rank], rank = left, rank + 1
  end
  return ends[rank - #sessions / 2]
end

-- Return in how many ms it is the turn of a fan with `ahead` in front (Note [Waiting times]).
local function wait_ms(room, ahead)
  local rate, capacity, live, session = room.rate, room.capacity, room.live, room.session
  local by_rate = ahead * 1000 / rate
  if room.resume > room.now then by_rate = by_rate + room.resume - room.now end
  local exits = ahead + 1 - (capacity - live)
  if exits <= 0 then return by_rate end
  local places = live > capacity and live or capacity
  local rank, ends = (exits - 1) % places, nil
  if rank < live then
    ends = session_ends_in(room, rank)
  else  -- a place that is free now, and will have been taken by somebody ahead
    ends = (rank - live + 1) * 1000 / rate + session
  end
  local soonest = (exits - 1 - rank) / places * session + ends  -- by sessions
  if room.exits > 0 then  -- by exits: the fewer were seen, the more the sessions' own pace counts
    local expected = math.max(PACE_WINDOW_MS, session / capacity)
    soonest = math.min(soonest, exits * (room.watched + expected / room.exits) / room.exits)
  end
  return by_rate > soonest and by_rate or soonest
end

local function earn_credit(room)
  if room.allows.admits then
    local burst = math.max(1, room.rate * BURST_MS / 1000)
    local earned = room.rate * math.max(0, room.now - room.credited) / 1000
    room.credit = math.min(burst, room.credit + earned)
  else
    room.credit = 0
  end
end

-- Admit one fan; the session starts when the fan is seen.
local function admit_fan(room, user, record)
  record.state_code, record.deadline = CALLED, room.now + room.grace
  add_to_active(room, user, record.deadline)
  write_place(room, user, record)
  room.admitted = room.admitted + 1
  room.waited = room.waited + (room.now - record.joined)
end

-- Admit those whose turn it is, by number, up to credit, capacity and, in the whole call, BATCH;
-- return how many.
local function admit_waiting(room)
  if room.admits_nobody then return 0 end
  local live = count_live(room)
  room.full = live >= room.capacity and 1 or 0
  local places = math.min(room.capacity - live, math.floor(room.credit + 1e-6), BATCH)
  places = math.min(places, BATCH - room.called_by_turn)
  if places < 1 then
    room.admits_nobody = true
    return 0
  end
  if count_waiting(room) == 0 then return 0 end
  local popped = pop_waiting(room, places)
  for i = 1, #popped, 2 do
    local user, number = popped[i], tonumber(popped[i + 1])
    admit_fan(room, user, read_place(room, user) or {number = number, joined = room.now})
    room.serving = math.max(room.serving, number)
  end
  local count = #popped / 2
  room.called_by_turn = room.called_by_turn + count
  room.credit = math.max(0, room.credit - count)
  room.window_admitted = room.window_admitted + count
  room.full = room.live >= room.capacity and 1 or 0
  return count
end

-- Bring the room up to now, admissions aside; once a call.
local function advance(room)
  if room.is_advanced then return end
  room.is_advanced = true
  measure_pace(room)
  fade_exits(room)
  if room.now - room.loaded.now >= SAVE_MS then expire_places(room) end
  earn_credit(room)
end

local function write_state(room)
  write_members(room)
  server.call('HSET', room.state_key, 'next', whole(room.next), 'serving', whole(room.serving),
    'drawn', whole(room.drawn), 'now', whole(room.now), 'credit', string.format('%.6f', room.credit),
    'admitted', whole(room.admitted), 'waited', whole(room.waited),
    'pace', string.format('%.6f', room.pace), 'window', whole(room.window),
    'window_admitted', whole(room.window_admitted), 'exits', string.format('%.6f', room.exits),
    'watched', whole(room.watched), 'full', room.full)
end

-- Keep what the next call can't work out by itself. Credit grows evenly with time, so while nobody
-- was admitted it may as well be counted from an earlier moment; thousands of polls a second then
-- write nothing (the writes, and their way into the append-only file, were most of their price).
local function save(room)
  write_members(room)
  local loaded = room.loaded
  if room.unsaved or room.now - loaded.now >= SAVE_MS or room.admitted ~= loaded.admitted
    or room.full ~= loaded.full then
    write_state(room)
  elseif room.next ~= loaded.next or room.drawn ~= loaded.drawn then
    server.call('HSET', room.state_key, 'next', whole(room.next), 'drawn', whole(room.drawn))
  end
end

-- Admit those whose turn it is, write the state and return `reply`, which has no place in it.
local function close_with(room, reply)
  admit_waiting(room)
  write_state(room)
  return reply
end
