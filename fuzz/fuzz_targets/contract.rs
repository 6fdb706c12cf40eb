//! Arbitrary text as a contract; what is read is written and read again.
#![no_main]

use framecast::model::Contract;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(contract) = Contract::from_json("fuzz", text) {
        let json = contract.to_json().expect("written");
        let again = Contract::from_json("fuzz", &json).expect("read again");
        assert_eq!(format!("{contract:?}"), format!("{again:?}"));
    }
});
