/** The script of the door's pages. */

import { doorData } from "../door/facts";
import { goOn } from "../door/home";
import { defineDoor } from "../door/page";

if (doorData().page === "home") goOn();
else defineDoor();
