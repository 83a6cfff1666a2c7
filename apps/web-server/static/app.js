// Comfort only: every page works without it.
"use strict";

// A question in a dialog instead of a page of its own.
const dialog = document.getElementById("confirm");
if (dialog && typeof dialog.showModal === "function") {
  const form = dialog.querySelector("form");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-confirm]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    dialog.querySelector("h2").textContent = link.dataset.confirm;
    form.action = link.href;
    dialog.showModal();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
}

// A form that is being sent says so, and is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    return;
  }
  form.setAttribute("aria-busy", "true");
  for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
});

// Whoever comes back finds the form as it was.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) {
    form.removeAttribute("aria-busy");
    for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = false;
  }
});

// The first field that is wrong is where to go on.
const wrong = document.querySelector("[aria-invalid=true]");
if (wrong) wrong.focus();

// A category is a choice, not a field to be filled in.
const category = document.querySelector(".search select");
if (category) category.addEventListener("change", () => category.form.requestSubmit());
