/** The service worker of tickets: those that were opened open on the way, too. */

import { keepPages } from "../core/keeper";
import { keptTickets } from "./kept";

keepPages(keptTickets, 4000);
