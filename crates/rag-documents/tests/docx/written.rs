//! Files as pandoc and LibreOffice write them.

/// The text of a fixture, each section under its path.
fn fixture(name: &str) -> (String, Vec<String>) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let document = rag_documents::read_file(&path, &rag_documents::Limits::default()).unwrap();
    let shown =
        |s: &rag_core::Section| format!("[{}]\n{}\n", s.heading.as_deref().unwrap_or(""), s.text);
    (document.sections.iter().map(shown).collect(), document.warnings)
}

#[test]
fn a_document_written_by_pandoc_is_read_as_it_looks() {
    let expected = "\
[]
设备指南
[1 设备]
Laptops are replaced after four years.[1] The mean load is (a+b)/2 and x_i^2+√y.
1. 申请
  a. 填写表格
  b. 部门批准
2. 领取
  - 带上工牌
[1] 硬盘须加密，见 指南。
[1 设备 > 1.1 Phones]
Role | Phone | 流量
Field service | Rugged phone | 60 GB
办公室 | 无 | –
A lost phone is reported at once.
[2 附录]
∑_(i=1)^n x_i=(a, b; c, d)
";
    assert_eq!(fixture("guide.docx"), (expected.to_owned(), Vec::new()));
}

#[test]
fn a_document_written_by_libreoffice_is_read_as_it_looks() {
    // Its equations are pictures here, as the program for equations was not installed.
    let expected = "\
[]
设备指南
[设备]
Laptops are replaced after four years.[1] The mean load is  and .
1. 申请
  a. 填写表格
  b. 部门批准
2. 领取
  - 带上工牌
[1] 硬盘须加密，见 指南。
[设备 > Phones]
Role | Phone | 流量
Field service | Rugged phone | 60 GB
办公室 | 无 | –
A lost phone is reported at once.
[附录]
附录
";
    let (found, warnings) = fixture("guide-writer.docx");
    assert_eq!((found.as_str(), warnings), (expected, vec!["3 images have no text".to_owned()]));
}
