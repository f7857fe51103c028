//! What the eye meets: paper, very long titles, who is told by what they are called, and what is not yet known.

use crate::asking::Site;
use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;
use crate::with_team;

/// A freshd that has told of a failed job.
fn with_told() -> (House, Daemon, Site) {
    let jobs = "[alerts]\ngroup_wait = \"0s\"\n[jobs.broken]\nowner = \"it\"\ncommand = \"exit 7\"\n";
    let house = House::with(&with_team(jobs).replace("[teams.it]", "[teams.it]\ntitle = \"The people of IT\""));
    let daemon = house.daemon();
    let run = daemon.run("broken");
    daemon.finished(run, &house);
    let site = Site::of(&daemon);
    site.until("/incidents/1", |page| page.contains("id=\"m1\""));
    (house, daemon, site)
}

/// The style sheet that a page names.
fn style_of(site: &Site, page: &str) -> String {
    let (_, behind) = page.split_once("<link rel=\"stylesheet\" href=\"").expect("a style");
    let (path, _) = behind.split_once('"').expect("its end");
    site.get(path).body
}

/// What the style sheet says of a selector outside of any block of conditions.
fn rule<'s>(style: &'s str, selector: &str) -> &'s str {
    let begins = format!("\n{selector} {{");
    let (_, behind) = style
        .split_once(&begins)
        .unwrap_or_else(|| panic!("{selector}: {style}"));
    behind.split_once('}').expect("its end").0
}

#[test]
fn what_only_a_window_can_use_is_not_printed_and_all_of_the_rest_is() {
    let (_house, _daemon, site) = with_told();
    let page = site.get("/incidents/1").body;
    let style = style_of(&site, &page);
    let (_, paper) = style.split_once("@media print {").expect("a style for paper");
    let (paper, _) = paper.split_once("\n}").expect("its end");
    let hidden: Vec<&str> = paper
        .lines()
        .filter_map(|line| line.trim().strip_suffix("{ display: none; }"))
        .flat_map(|selectors| selectors.split(','))
        .map(str::trim)
        .collect();
    // Each is on the page, so that it is not hidden in vain.
    for (selector, shown) in [
        (".top nav", "<nav"),
        (".skip", "class=\"skip\""),
        ("#live", "id=\"live\""),
        ("form", "<form"),
    ] {
        assert!(hidden.contains(&selector), "{selector}: {hidden:?}");
        assert!(page.contains(shown), "{shown}: {page}");
    }
    // Whatever is scrolled in a window is seen whole on paper.
    let whole = ".wide, .log, .frame { overflow: visible; max-height: none; }";
    assert!(paper.contains(whole), "{paper}");
    assert!(page.contains("class=\"wide\""), "{page}");
}

#[test]
fn a_title_of_the_greatest_length_is_there_and_pushes_nothing_off_the_page() {
    let title = "fish".repeat(30);
    let house = House::with(&with_team(&format!(
        "[systems.wms]\ntitle = \"{title}\"\nowner = \"it\"\n\
         [jobs.packs]\ntitle = \"{title}\"\nowner = \"it\"\nfrom = \"wms\"\ncommand = \"true\"\n"
    )));
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let jobs = site.get("/jobs").body;
    assert!(
        jobs.contains(&format!("<span class=\"title\">{title}</span>")),
        "{jobs}"
    );
    assert!(site.get("/jobs/packs").body.contains(&title));
    // It breaks wherever the line ends, since it has no space to break at.
    let style = style_of(&site, &jobs);
    for selector in [".title", "h1, h2, h3", ".lead", "dd", ".name"] {
        assert!(rule(&style, selector).contains("overflow-wrap: anywhere"), "{selector}");
    }
    // A box of the map has the beginning of it, and all of it under the pointer.
    let map = site.get("/flow").body;
    assert!(map.contains(&format!(">{}…</text>", &title[..21])), "{map}");
    assert!(map.contains(&format!("<title>wms, {title}: ")), "{map}");
}

#[test]
fn what_has_not_happened_yet_has_a_mark_and_a_word_of_its_own() {
    let house = House::with(&with_team(
        "[jobs.waits]\nowner = \"it\"\ncommand = \"true\"\n[jobs.rests]\nowner = \"it\"\ncommand = \"true\"\nenabled = false\n",
    ));
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let page = site.get("/jobs").body;
    let mark_of = |word: &str| {
        let (before, _) = page.split_once(&format!("</svg>{word}<")).expect(word);
        let (_, shape) = before.rsplit_once("<path d=\"").expect("a mark");
        shape.split_once('"').expect("its end").0.to_owned()
    };
    let (new, set_aside) = (mark_of("new"), mark_of("disabled"));
    assert_ne!(new, set_aside, "both are grey: the mark alone tells them apart");
    // The legend of the map says what it means.
    let map = site.get("/flow").body;
    let (_, legend) = map.split_once("<p class=\"legend\">").expect("a legend");
    assert!(
        legend.contains(&format!("<path d=\"{new}\"></path></svg>not yet<")),
        "{legend}"
    );
}

#[test]
fn who_is_told_is_called_by_their_title() {
    let (_house, _daemon, site) = with_told();
    let called = "<span class=\"owner\" title=\"it\">The people of IT</span>";
    let told = format!("{called} by outbox");
    let first = site.until("/", |page| page.contains(" by outbox")).body;
    assert!(first.contains(&told), "{first}");
    let page = site.get("/incidents/1").body;
    assert!(page.contains(&told), "{page}");
    let (timeline, messages) = page.split_once("<h2 id=\"messages\">").expect("its messages");
    assert!(messages.contains(&format!("<td>{called}</td>")), "{messages}");
    assert!(timeline.contains("Told: The people of IT by outbox"), "{timeline}");
}
