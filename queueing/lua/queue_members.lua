-- Who waits in a room and who is inside. Each is read once a call and written at its end, by `write_members`:
-- commands are most of what a fan costs, and one can carry many. Until then the room has
--   texts               places by user as they are now, false where there is none
--   changed             user and place by turns, to be written; where each is, and whose has ended
--   to_wait, to_enter   score and user by turns, to be added to the sorted sets
--   waiting, live       how many wait, how many are inside
--   admits_nobody       credit and capacity let nobody in, since they were last looked at
--   ends                when sessions end, by rank, until the set of those inside changes
-- Whatever asks the sorted sets themselves has the changes written first.

local CALLED_WORD = ' ' .. CALLED .. ' '

local function has_place(record)
  return record and (record.state_code == WAITING or record.state_code == CALLED or record.state_code == ADMITTED)
end

-- Read the users' places in one go.
local function read_places(room, users)
  if #users == 1 then return end  -- `text_of_place` does
  local texts = room.texts
  for i, text in ipairs(server.call('HMGET', room.places_key, unpack(users))) do texts[users[i]] = text end
end

local function text_of_place(room, user)
  local text = room.texts[user]
  if text == nil then
    text = server.call('HGET', room.places_key, user)
    room.texts[user] = text
  end
  return text
end

local function read_place(room, user)
  local text = text_of_place(room, user)
  if not text then return nil end
  local number, state_code, deadline, joined = string.match(text, '^(%d+) (%a) (%d+) (%d+)$')
  return {number = number + 0, state_code = state_code, deadline = deadline + 0, joined = joined + 0}
end

local function write_place(room, user, record)
  local text = string.format('%d %s %d %d', record.number, record.state_code, record.deadline, record.joined)
  local changed = room.changed
  if not changed then
    changed = {size = 0, at = {}, ended = false}
    room.changed = changed
  end
  local at = changed.at[user]
  if not at then
    at = changed.size + 1
    changed[at], changed.at[user], changed.size = user, at, at + 1
  end
  changed[at + 1], room.texts[user] = text, text
  if not has_place(record) then
    changed.ended = changed.ended or {}
    changed.ended[user] = true
  elseif changed.ended then
    changed.ended[user] = nil
  end
end

-- Return whether the user has been admitted and not yet come.
local function is_called(room, user)
  local text = text_of_place(room, user)
  return text and string.find(text, CALLED_WORD, 1, true) ~= nil
end

local function write_waiting(room)
  if not room.to_wait then return end
  server.call('ZADD', room.waiting_key, unpack(room.to_wait))
  room.to_wait = false
end

local function write_active(room)
  if not room.to_enter then return end
  server.call('ZADD', room.active_key, unpack(room.to_enter))
  room.to_enter, room.ends = false, false
end

local function write_members(room)
  write_waiting(room)
  write_active(room)
  local changed = room.changed
  if not changed then return end
  room.changed = false
  server.call('HSET', room.places_key, unpack(changed))
  local ended = {}
  for user in pairs(changed.ended or ended) do ended[#ended + 1] = user end
  if #ended > 0 then  -- they are forgotten some day
    server.call('HEXPIRE', room.places_key, room.remember, 'FIELDS', #ended, unpack(ended))
  end
end

local function count_waiting(room)
  if not room.waiting then
    write_waiting(room)
    room.waiting = server.call('ZCARD', room.waiting_key)
  end
  return room.waiting
end

-- Deadlines are compared, not members counted: a lapsed fan that no sweep has met holds nobody up.
local function count_live(room)
  if not room.live then
    write_active(room)
    room.live = server.call('ZCOUNT', room.active_key, '(' .. whole(room.now), '+inf')
  end
  return room.live
end

local function add_to_waiting(room, user, number)
  local to_wait = room.to_wait or {}
  local size = #to_wait
  to_wait[size + 1], to_wait[size + 2], room.to_wait = number, user, to_wait
  if room.waiting then room.waiting = room.waiting + 1 end
end

local function set_deadline(room, user, deadline)
  local to_enter = room.to_enter or {}
  local size = #to_enter
  to_enter[size + 1], to_enter[size + 2], room.to_enter = whole(deadline), user, to_enter
end

local function add_to_active(room, user, deadline)
  set_deadline(room, user, deadline)
  if room.live then room.live = room.live + 1 end
  room.admits_nobody = false
end

-- Take up to `most` of those who wait, by number; return users and numbers by turns.
local function pop_waiting(room, most)
  local popped
  if room.waiting == 1 and room.to_wait then  -- the one who has just come
    popped, room.to_wait = {room.to_wait[2], room.to_wait[1]}, false
  else
    write_waiting(room)
    popped = server.call('ZPOPMIN', room.waiting_key, most)
  end
  room.waiting = room.waiting - #popped / 2
  return popped
end

local function remove_from_waiting(room, user)
  write_waiting(room)
  room.waiting = false
  server.call('ZREM', room.waiting_key, user)
end

-- Return how many wait in front of the user: of the one whose number is `next` all others, as nobody has a
-- higher one.
local function rank_of(room, user)
  if room.last_user == user then return count_waiting(room) - 1 end
  write_waiting(room)
  return server.call('ZRANK', room.waiting_key, user)
end

local function end_place_as(room, user, record, state_code)
  write_waiting(room)
  write_active(room)
  server.call('ZREM', record.state_code == WAITING and room.waiting_key or room.active_key, user)
  room.waiting, room.live, room.ends, room.admits_nobody = false, false, false, false
  -- A session's end was known beforehand; any other end of an admission is an early exit.
  local is_early = record.state_code == CALLED or (record.state_code == ADMITTED and state_code ~= EXPIRED)
  if room.full == 1 and is_early then room.exits, room.unsaved = room.exits + 1, true end
  record.state_code, record.deadline = state_code, math.max(room.now, record.joined)
  write_place(room, user, record)
end
