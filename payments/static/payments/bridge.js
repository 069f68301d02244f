// Opens the payment page of Toss Payments for the order that stands in the page.
"use strict";

const order = document.getElementById("bridge").dataset;
const failed = document.getElementById("failed");
const wait = document.getElementById("wait");

function goBack(error) {
  const target = new URL(order.returnUrl);
  target.searchParams.set("code", error.code || "PAY_PROCESS_ABORTED");
  target.searchParams.set("message", error.message || "");
  target.searchParams.set("orderId", order.orderId);
  window.location.replace(target);
}

async function openPage() {
  failed.hidden = true;
  wait.hidden = false;
  if (typeof TossPayments !== "function") {
    wait.hidden = true;
    failed.hidden = false;
    return;
  }
  try {
    const payment = TossPayments(order.clientKey).payment({ customerKey: TossPayments.ANONYMOUS });
    await payment.requestPayment({
      method: "CARD",
      amount: { currency: order.currency, value: Number(order.amount) },
      orderId: order.orderId,
      orderName: order.orderName,
      successUrl: order.returnUrl,
      failUrl: order.returnUrl,
      windowTarget: "self",
    });
  } catch (error) {
    goBack(error);
  }
}

document.getElementById("again").addEventListener("click", openPage);
openPage();
