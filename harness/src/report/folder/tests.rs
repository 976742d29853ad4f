//! Folders on a disk, and what was there before.

use super::*;

fn folder(text: &str) -> Folder {
    let mut folder = Folder::default();
    folder.put("REPORT.md", text);
    folder.put("raw/run.jsonl", "{}\n");
    folder
}

#[test]
fn a_folder_has_its_files_and_their_sums_and_so_has_the_archive() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("report");
    let archive = folder("text").write(&place).unwrap();
    let sums = fs::read_to_string(place.join(SUMS)).unwrap();
    // `printf text | sha256sum`
    let known = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1  REPORT.md\n";
    assert!(sums.starts_with(known), "{sums}");
    assert_eq!(sums.lines().count(), 2);
    let unpacked = zstd::Decoder::new(File::open(&archive).unwrap()).unwrap();
    let mut unpacked = tar::Archive::new(unpacked);
    let names =
        unpacked.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string());
    let names: Vec<String> = names.collect();
    assert_eq!(names, ["report/REPORT.md", "report/SHA256SUMS", "report/raw/run.jsonl"]);
}

#[test]
fn the_same_report_gives_the_same_archive() {
    let dir = tempfile::tempdir().unwrap();
    let [one, other] = ["a", "b"].map(|name| dir.path().join(name).join("report"));
    let bytes = |place: &Path| fs::read(folder("x").write(place).unwrap()).unwrap();
    fs::create_dir_all(one.parent().unwrap()).unwrap();
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    assert!(bytes(&one) == bytes(&other));
}

#[test]
fn a_report_is_replaced_and_anything_else_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("report");
    folder("old").write(&place).unwrap();
    folder("new").write(&place).unwrap();
    assert_eq!(fs::read_to_string(place.join("REPORT.md")).unwrap(), "new");
    fs::remove_file(place.join(SUMS)).unwrap();
    let error = folder("newer").write(&place).unwrap_err().to_string();
    assert!(error.contains("holds something else"), "{error}");
    assert_eq!(fs::read_to_string(place.join("REPORT.md")).unwrap(), "new");
    let file = dir.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(matches!(folder("x").write(&file), Err(FolderError::Occupied(_))));
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("none/report");
    let mut folder = folder("x");
    folder.put("REPORT.md/inner", "a file below a file");
    let error = folder.write(&place).unwrap_err().to_string();
    assert!(error.starts_with("create ") || error.starts_with("write "), "{error}");
    assert!(fs::read_dir(dir.path().join("none")).map_or(0, Iterator::count) == 0);
}

/// A report with a place for words.
fn with_place() -> Folder {
    folder(
        "# h\n**In the reporter's own words:**\n<!-- Yours to write. -->\n\n\
         <!-- Your own words end here. -->\nrest\n",
    )
}

#[test]
fn words_of_the_reporter_are_carried_over() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("report");
    let report = place.join("REPORT.md");
    with_place().write(&place).unwrap();
    let written = fs::read_to_string(&report).unwrap().replace("write. -->", "write. -->\nMine.");
    fs::write(&report, &written).unwrap();
    for _ in 0..2 {
        with_place().write(&place).unwrap();
        assert!(fs::read_to_string(&report).unwrap().contains("\nMine.\n\n<!-- Your own"));
    }
    let left = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 2, "the report and its archive");
}

#[test]
fn what_would_be_lost_is_named_and_everything_stays() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("report");
    with_place().write(&place).unwrap();
    let refused = |named: &str| {
        let error = with_place().write(&place).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    };
    fs::write(place.join("raw/mynote.txt"), "mine").unwrap();
    refused("`raw/mynote.txt` in it is none of its files");
    assert_eq!(fs::read_to_string(place.join("raw/mynote.txt")).unwrap(), "mine");
    fs::remove_file(place.join("raw/mynote.txt")).unwrap();
    for name in ["raw/run.jsonl", "REPORT.md"] {
        let before = fs::read_to_string(place.join(name)).unwrap();
        fs::write(place.join(name), format!("{before}mine")).unwrap();
        refused(&format!("`{name}` was changed"));
        assert_eq!(fs::read_to_string(place.join(name)).unwrap(), format!("{before}mine"));
        fs::write(place.join(name), before).unwrap();
    }
    fs::create_dir_all(place.join("reproducer/target")).unwrap();
    fs::write(place.join("reproducer/target/CACHEDIR.TAG"), "").unwrap();
    with_place().write(&place).unwrap();
}

#[test]
fn an_archive_of_somebody_else_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (place, archive) = (dir.path().join("arch"), dir.path().join("arch.tar.zst"));
    fs::write(&archive, "precious").unwrap();
    let error = folder("x").write(&place).unwrap_err();
    assert!(matches!(error, FolderError::ForeignArchive(_)), "{error}");
    assert_eq!(fs::read_to_string(&archive).unwrap(), "precious");
    assert!(!place.exists());
    fs::remove_file(&archive).unwrap();
    folder("x").write(&place).unwrap();
    fs::remove_dir_all(&place).unwrap();
    folder("y").write(&place).unwrap();
    assert_eq!(fs::read_to_string(place.join("REPORT.md")).unwrap(), "y", "an archive of ours");
}

#[test]
fn reports_that_are_written_at_once_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("report");
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4).map(|_| scope.spawn(|| folder("x").write(&place))).collect();
        writers.into_iter().for_each(|writer| drop(writer.join().unwrap().unwrap()));
    });
    check(&place).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_report_that_came_in_between_is_left_and_what_cannot_be_replaced_is_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let [place, draft] = ["report", "draft"].map(|name| dir.path().join(name));
    [&place, &draft].into_iter().for_each(|made| fs::create_dir(made).unwrap());
    fs::write(place.join("REPORT.md"), "theirs").unwrap();
    let error = put(&draft, &place).unwrap_err().to_string();
    assert!(error.contains("another report was written there meanwhile"), "{error}");
    replace(&place, &dir.path().join("none")).unwrap_err();
    assert_eq!(fs::read_to_string(place.join("REPORT.md")).unwrap(), "theirs");
}

#[test]
fn words_for_which_a_template_has_no_place_are_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("report");
    with_place().write(&place).unwrap();
    let report = place.join("REPORT.md");
    let written = fs::read_to_string(&report).unwrap().replace("write. -->", "write. -->\nMine.");
    fs::write(&report, &written).unwrap();
    let error = folder("another template").write(&place).unwrap_err();
    assert!(matches!(error, FolderError::NoPlace(_)), "{error}");
    assert_eq!(fs::read_to_string(&report).unwrap(), written);
}
