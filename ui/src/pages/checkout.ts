/** The script of the checkout and of the page that a gateway leads back to. */

import type { CheckoutData, ReturnData } from "../checkout/facts";
import { Checkout } from "../checkout/pay";
import { PaymentReturn } from "../checkout/return";
import { pageData } from "../core/page";
import { enhance } from "./common";

enhance();
const data = pageData<CheckoutData | ReturnData>();
if (data?.page === "checkout") new Checkout(data);
if (data?.page === "return") new PaymentReturn(data);
