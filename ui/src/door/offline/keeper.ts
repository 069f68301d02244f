/** The service worker of the door: a gate opens without a network, and does not wait for a weak one. */

import { keepPages } from "../../core/keeper";
import { keptDoors } from "./kept";

keepPages(keptDoors, 1500);
