(function () {
  "use strict";
  var box = document.createElement("div");
  box.className = "tip";
  box.hidden = true;
  document.body.appendChild(box);
  document.querySelectorAll("svg .hit").forEach(function (hit) {
    var title = hit.querySelector("title");
    var text = title.textContent;
    title.remove();
    hit.addEventListener("pointermove", function (event) {
      box.textContent = text;
      box.hidden = false;
      var left = Math.min(event.clientX + 14, window.innerWidth - box.offsetWidth - 8);
      var top = Math.min(event.clientY + 14, window.innerHeight - box.offsetHeight - 8);
      box.style.left = Math.max(left, 0) + "px";
      box.style.top = Math.max(top, 0) + "px";
    });
    hit.addEventListener("pointerleave", function () { box.hidden = true; });
  });
})();
