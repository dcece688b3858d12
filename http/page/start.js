"use strict";
// The token stands behind the # of the link, so that no server and no log sees it before it is used.
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const told = document.getElementById("told");
document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = document.getElementById("name").value;
  const password = document.getElementById("password").value;
  const answer = await fetch("/api/auth/bootstrap", {
    method: "POST", headers: {"Content-Type": "application/json"},
    body: JSON.stringify({token, name, password}),
  });
  const body = await answer.json();
  told.textContent = answer.ok
    ? `Made ${body.user}. Sign in with: orrery login, or POST /api/auth/login (see /docs).`
    : body.detail;
});
