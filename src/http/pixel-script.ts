// The script that pages load: sends pageviews with sendBeacon, and nothing where a visitor asks not to be tracked.

/**
 * Text goes out as `text/plain`, which needs no preflight; a beacon carries the visitor's cookies of this host, of
 * which there are none. `pixel(event, properties)` is left on the page for events of its own. Pages that change their
 * address without loading send a pageview each time.
 */
export const pixelScript = `(function(w,d,n){
var s=d.currentScript,h=w.history,p=h.pushState,r=d.referrer,l;
if(!s||!n.sendBeacon||n.globalPrivacyControl||/^(1|yes)$/.test(n.doNotTrack||w.doNotTrack))return w.pixel=function(){};
function t(e,x){
n.sendBeacon(s.src.replace(/\\.js(\\?.*)?$/,"/track"),JSON.stringify({event:e,url:w.location.href.split("#")[0],referrer:r,pixel_key:s.getAttribute("data-key")||void 0,properties:x||{}}))
}
function v(){
var u=w.location.href.split("#")[0];
if(u===l)return;
if(l)r=l;
l=u;
t("pageview",{title:d.title})
}
w.pixel=t;
h.pushState=function(){p.apply(h,arguments);setTimeout(v,0)};
w.addEventListener("popstate",v);
v()
})(window,document,navigator);
`;
