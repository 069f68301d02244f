/** The script of the door's pages. */

import { doorData } from "../door/facts";
import { goOn } from "../door/home";
import { guardLogoutByNote } from "../door/leaving";
import { defineDoor } from "../door/page";

const { page } = doorData();
if (page === "home") goOn();
else if (page === "gate") defineDoor();
else guardLogoutByNote();
