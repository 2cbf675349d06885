use super::{read, write};
use crate::south::tags::{TagEntry, TagKeys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tag of a protocol that has a word, a number and a flag of its own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
struct Example {
    at: String,
    order: Option<Order>,
    #[schemars(range(min = 1, max = 250))]
    length: Option<u16>,
    #[serde(default)]
    signed: bool,
    #[serde(flatten)]
    keys: TagKeys,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
enum Order {
    /// Big.
    #[serde(rename = "ABCD")]
    Big,
    /// Little.
    #[serde(rename = "DCBA")]
    Little,
}

impl TagEntry for Example {
    const COLUMNS: &'static [&'static str] = &["at", "order", "length", "signed"];
    fn keys(&self) -> &TagKeys {
        &self.keys
    }
}

#[test]
fn reads_what_excel_writes_in_germany() {
    let text = "\u{feff}tag;at;raw_low;raw_high;range_low;range_high;states;description;signed;order\r\n\
                level;40110;0;27648;0;99,5;;\"Füllstand; \"\"Tank 1\"\"\";yes;abcd\r\n\
                state;40120;;;;;0=Idle|1=Execute;;no;\r\n\
                ;;;;;;;;;\r\n";
    let list = read::<Example>("filler.csv", text).unwrap();
    assert_eq!(list.rows.len(), 2);
    let [level, state] = list.rows.as_slice() else { panic!() };
    assert_eq!(level.entry.keys.range, Some((0.0, 99.5)));
    assert_eq!(level.entry.keys.description, "Füllstand; \"Tank 1\"");
    assert_eq!((level.entry.signed, level.entry.order), (true, Some(Order::Big)));
    assert_eq!(state.entry.keys.states["1"], "Execute");
    assert_eq!(model::config::line_of(&list.text, state.span.start), 3);
}

#[test]
fn all_mistakes_with_their_lines() {
    let text = "tag,at,lenght,length,raw_low,raw_high,min,order,signed,confirm,within,write\n\
                a,40001,,,1,,,,,,,\n\
                b,,,,,,,,,,,\n\
                c,40003,,,,,5,CDBA,,,,\n\
                d,40004,,,x,1,,,,,,\n\
                e,40005,,300,,,,,maybe,,,\n\
                f,40006,,1.5,,,,,,a/b,soon,yes\n";
    let found: Vec<String> =
        read::<Example>("t.csv", text).unwrap_err().iter().map(ToString::to_string).collect();
    for expected in [
        "t.csv:1: the column `lenght` is not known (did you mean `length`?)",
        "t.csv:2: `raw_low` and `raw_high` belong together (fill both or none)",
        "t.csv:3: this line has no tag or no address (fill the columns `tag` and `at`, or delete the line)",
        "t.csv:4: `CDBA` in the column `order` is not known (possible: ABCD, DCBA)",
        "t.csv:4: limits of a write without `write` (write yes in the column `write`, or empty min, max, step and confirm)",
        "t.csv:5: `x` in the column `raw_low` is no number (write a number like 12.5)",
        "t.csv:6: `length` is above 250 (write 250 or less)",
        "t.csv:6: `maybe` in the column `signed` is neither yes nor no (write yes or no)",
        "t.csv:7: `length` must be a whole number, not a number ()",
        "t.csv:7: `write.confirm.within` is no length of time (write it like \"250ms\", \"1s\", \"10min\", \"2h\")",
    ] {
        assert!(
            found.iter().any(|m| m.trim_end_matches(" ()") == expected.trim_end_matches(" ()")),
            "{expected}\n{found:#?}"
        );
    }
}

#[test]
fn round_trip() {
    let text = "tag,at,order,length,signed,unit,scan,raw_low,raw_high,range_low,range_high,states,name,write,min,max,step,confirm,within,was\n\
                a,40001,DCBA,,yes,bar,fast,0,100,-1.5,1.5,,\"Druck, \"\"A\"\"\",yes,0,600,50,packaging/x,2s,old/a|older/a\n\
                b,holding 7,,12,,,,,,,,,,,,,,,,\n\
                c,40120.3,,,,,,,,,,0=Off|1=On,,yes,,,,none,,\n";
    let list = read::<Example>("t.csv", text).unwrap();
    let written = write(list.rows.iter().map(|row| (row.tag.as_str(), &row.entry)));
    assert_eq!(written, text);
    let again = read::<Example>("t.csv", &written).unwrap();
    assert_eq!(again.rows, list.rows);
}

#[test]
fn an_empty_file_lacks_its_columns() {
    let found = read::<Example>("x.csv", "").unwrap_err();
    assert!(found.iter().any(|m| m.message.contains("the column `at` is missing")), "{found:?}");
}
